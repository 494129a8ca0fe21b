"""What requests are counted by: who and what they name, so far as it is proven or costs nobody else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar

from sessiond.v1 import session_service_pb2 as messages
from sessiond_server.domain.rate import Activity, Per
from sessiond_server.service.rate_limits import RateLimits
from sessiond_server.transport.engine.port import Call

Ids: TypeAlias = Mapping[Per, tuple[str, ...]]
RequestT = TypeVar("RequestT")


class Metering:
    """Counts calls before they are handled.

    `session_of` tells the session of an authentic refresh token, and None for any other text: those are
    counted together, so that nobody fills the store with buckets, or uses up that of a session by its id.
    """

    def __init__(self, limits: RateLimits, *, session_of: Callable[[str], str | None]) -> None:
        self._limits = limits
        self._session_of = session_of

    async def created(self, request: messages.CreateSessionRequest, call: Call) -> None:
        """Raise `RateLimitedError` where this is one CreateSession too many."""
        await self._require(Activity.CREATE, _in_creation, request, call)

    async def refreshed(self, request: messages.RefreshSessionRequest, call: Call) -> None:
        """The same for RefreshSession."""
        await self._require(Activity.REFRESH, self._in_refresh, request, call)

    async def revoked(self, request: messages.RevokeSessionRequest, call: Call) -> None:
        """The same for RevokeSession."""
        await self._require(Activity.REVOKE, self._in_revocation, request, call)

    def require_validations(self, failed: int, call: Call) -> None:
        """Raise `RateLimitedError` where a caller has brought too many tokens that were rejected."""
        if failed:
            ids = {Per.CALLER: (call.caller.name,)}
            self._limits.require_here(Activity.FAILED_VALIDATION, ids, count=failed)

    async def _require(
        self, activity: Activity, ids_in: Callable[[RequestT], Ids], request: RequestT, call: Call
    ) -> None:
        # Most servers limit little: a refresh token is looked at for this only where it is counted.
        if self._limits.counts(activity):
            await self._limits.require(activity, {Per.CALLER: (call.caller.name,), **ids_in(request)})

    def _in_refresh(self, request: messages.RefreshSessionRequest) -> Ids:
        source = _source(request.device.ip_address)
        # A token of a provider belongs to no session yet.
        return source if request.issuer else source | self._session(request.refresh_token)

    def _in_revocation(self, request: messages.RevokeSessionRequest) -> Ids:
        match request.WhichOneof("target"):
            case "session_id":
                return {Per.SESSION: (request.session_id,)}
            case "refresh_token":
                return self._session(request.refresh_token)
            case "subject":
                return {Per.SUBJECT: (request.subject.issuer, request.subject.subject)}
            case "tenant":
                return {Per.TENANT: (request.tenant.issuer, request.tenant.tenant_id)}
            case _:
                return {}

    def _session(self, refresh_token: str) -> dict[Per, tuple[str, ...]]:
        return {Per.SESSION: (self._session_of(refresh_token) or "",)}


def _in_creation(request: messages.CreateSessionRequest) -> Ids:
    ids = _source(request.device.ip_address)
    login = request.local_login
    if login.subject:
        ids[Per.SUBJECT] = (login.subject,)
    if login.tenant_id:
        ids[Per.TENANT] = (login.tenant_id,)
    return ids


def _source(address: str) -> dict[Per, tuple[str, ...]]:
    return {Per.SOURCE: (address,)} if address else {}
