"""The client on asyncio."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self

import grpc
from google.protobuf.duration_pb2 import Duration

from sessiond import results
from sessiond.errors import to_error
from sessiond.results import Cause, Client, Revocation, SessionRecord, Tokens, Verdict
from sessiond.v1 import session_pb2, session_service_pb2
from sessiond.v1.session_service_pb2_grpc import SessionServiceStub

DEFAULT_TIMEOUT: Final = 1.0

# Only questions are repeated: a command may have been carried out although its answer was lost. No `timeout` here: grpcio takes
# it for too short a one, and the server does not see it.
_SERVICE_CONFIG: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [
                    {"service": "sessiond.v1.SessionService", "method": "ValidateToken"},
                    {"service": "sessiond.v1.SessionService", "method": "ValidateTokens"},
                ],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ]
    }
)


class AsyncClient:
    """Asks a sessiond at `target`: `host:port`, or `unix:PATH`.

    Every call ends within its `timeout` in seconds, and raises a `SessiondError` where it is refused or fails. To be used as a
    context manager, or closed with `close`.
    """

    def __init__(self, target: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._timeout = timeout
        self._channel = grpc.aio.insecure_channel(target, options=(("grpc.service_config", _SERVICE_CONFIG),))
        # The generated stub has no types for its methods.
        self._stub: Any = SessionServiceStub(self._channel)  # type: ignore[no-untyped-call]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def validate(
        self,
        token: str,
        *,
        issuers: Sequence[str] = (),
        audiences: Sequence[str] = (),
        required_scopes: Sequence[str] = (),
        required_permissions: Sequence[str] = (),
        required_claims: Mapping[str, Sequence[str]] | None = None,
        acr_values: Sequence[str] = (),
        max_auth_age: timedelta | None = None,
        timeout: float | None = None,
    ) -> Verdict:
        """The verdict on an access token: a `Session` or a `Rejection`, to be told apart by type."""
        request = session_service_pb2.ValidateTokenRequest(
            token=token,
            issuers=issuers,
            audiences=audiences,
            required_scopes=required_scopes,
            required_permissions=required_permissions,
            required_claims=_claim_values(required_claims),
            acr_values=acr_values,
            max_auth_age=_duration(max_auth_age),
        )
        return results.to_verdict(await self._call(self._stub.ValidateToken, request, timeout))

    async def validate_all(
        self,
        tokens: Sequence[str],
        *,
        issuers: Sequence[str] = (),
        audiences: Sequence[str] = (),
        required_scopes: Sequence[str] = (),
        required_permissions: Sequence[str] = (),
        required_claims: Mapping[str, Sequence[str]] | None = None,
        acr_values: Sequence[str] = (),
        max_auth_age: timedelta | None = None,
        timeout: float | None = None,
    ) -> list[Verdict]:
        """The verdicts on 1 to 1,000 access tokens, together at most 1 MiB, in their order and as of one moment."""
        request = session_service_pb2.ValidateTokensRequest(
            tokens=tokens,
            issuers=issuers,
            audiences=audiences,
            required_scopes=required_scopes,
            required_permissions=required_permissions,
            required_claims=_claim_values(required_claims),
            acr_values=acr_values,
            max_auth_age=_duration(max_auth_age),
        )
        response = await self._call(self._stub.ValidateTokens, request, timeout)
        return list(map(results.to_verdict, response.results))

    async def create_local_session(
        self,
        subject: str,
        *,
        client_id: str = "",
        tenant_id: str = "",
        audiences: Sequence[str] = (),
        scopes: Sequence[str] = (),
        claims: Mapping[str, Any] | None = None,
        auth_time: datetime | None = None,
        acr: str = "",
        amr: Sequence[str] = (),
        client: Client | None = None,
        attributes: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Tokens:
        """Open a session at the local issuer for a subject that the caller vouches for."""
        login = session_service_pb2.LocalLogin(
            subject=subject,
            client_id=client_id,
            tenant_id=tenant_id,
            audiences=audiences,
            scopes=scopes,
            claims_json=json.dumps(claims) if claims else "",
            acr=acr,
            amr=amr,
        )
        if auth_time is not None:
            login.auth_time.FromDatetime(auth_time)
        request = session_service_pb2.CreateSessionRequest(
            local_login=login, client=_client_message(client), attributes=attributes or {}
        )
        return results.to_tokens(await self._call(self._stub.CreateSession, request, timeout))

    async def refresh(self, refresh_token: str, *, client: Client | None = None, timeout: float | None = None) -> Tokens:
        """Spend a refresh token; after an `UnavailableError` the same call may be repeated."""
        request = session_service_pb2.RefreshSessionRequest(refresh_token=refresh_token, client=_client_message(client))
        return results.to_tokens(await self._call(self._stub.RefreshSession, request, timeout))

    async def revoke_session(self, session_id: str, *, cause: Cause = Cause.LOGOUT, note: str = "") -> Revocation:
        """End one session by its id."""
        return await self._revoke(session_service_pb2.RevokeSessionRequest(session_id=session_id), cause, note)

    async def revoke_refresh_token(self, refresh_token: str, *, cause: Cause = Cause.LOGOUT, note: str = "") -> Revocation:
        """End the session of a refresh token of any generation."""
        return await self._revoke(session_service_pb2.RevokeSessionRequest(refresh_token=refresh_token), cause, note)

    async def revoke_access_token(self, access_token: str, *, cause: Cause = Cause.LOGOUT, note: str = "") -> Revocation:
        """End the session of an access token, expired or not."""
        return await self._revoke(session_service_pb2.RevokeSessionRequest(access_token=access_token), cause, note)

    async def revoke_subject(
        self, issuer: str, subject: str, *, except_session_id: str = "", cause: Cause = Cause.LOGOUT, note: str = ""
    ) -> Revocation:
        """End every session of a subject, but for one of them if it is named."""
        target = session_pb2.Subject(issuer=issuer, subject=subject)
        request = session_service_pb2.RevokeSessionRequest(subject=target, except_session_id=except_session_id)
        return await self._revoke(request, cause, note)

    async def get_session(self, session_id: str, *, timeout: float | None = None) -> SessionRecord:
        """A live session; raises `NotFoundError` for what is unknown or ended."""
        request = session_service_pb2.GetSessionRequest(session_id=session_id)
        response = await self._call(self._stub.GetSession, request, timeout)
        return results.to_record(response.session)

    async def list_sessions(self, issuer: str, subject: str, *, page_size: int = 0) -> AsyncIterator[SessionRecord]:
        """The live sessions of a subject, newest first, page after page."""
        target = session_pb2.Subject(issuer=issuer, subject=subject)
        request = session_service_pb2.ListSessionsRequest(subject=target, page_size=page_size)
        while True:
            response = await self._call(self._stub.ListSessions, request, None)
            for record in response.sessions:
                yield results.to_record(record)
            if not response.next_page_token:
                return
            request.page_token = response.next_page_token

    async def _revoke(self, request: session_service_pb2.RevokeSessionRequest, cause: Cause, note: str) -> Revocation:
        request.cause = getattr(session_pb2, f"REVOCATION_CAUSE_{cause}")
        request.note = note
        response = await self._call(self._stub.RevokeSession, request, None)
        return Revocation(response.revision, response.sessions_ended if response.HasField("sessions_ended") else None)

    async def _call(self, method: Callable[..., Awaitable[Any]], request: Any, timeout: float | None) -> Any:
        try:
            return await method(request, timeout=self._timeout if timeout is None else timeout)
        except grpc.aio.AioRpcError as error:
            raised = to_error(error)
        # Raised out here: the library's error shows its request in some debuggers, and that holds the token.
        raise raised


def _claim_values(claims: Mapping[str, Sequence[str]] | None) -> dict[str, session_pb2.ClaimValues]:
    return {name: session_pb2.ClaimValues(values=values) for name, values in (claims or {}).items()}


def _duration(span: timedelta | None) -> Duration | None:
    if span is None:
        return None
    duration = Duration()
    duration.FromTimedelta(span)
    return duration


def _client_message(client: Client | None) -> session_pb2.Client | None:
    if client is None:
        return None
    return session_pb2.Client(ip_address=client.ip_address, user_agent=client.user_agent, device_label=client.device_label)
