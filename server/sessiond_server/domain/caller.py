"""Who calls, and what they may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sessiond_server.domain.failures import CallerNotPermittedError, Input, InputRefusedError, quoted


class Group(StrEnum):
    """What a caller may be allowed to do; `transport.methods` says which calls need which."""

    VALIDATE = "validate"
    SESSION = "session"
    MINT = "mint"
    REVOKE = "revoke"
    REVOKE_BULK = "revoke_bulk"
    READ = "read"
    WATCH = "watch"
    ADOPT = "adopt"


ANONYMOUS: Final = "anonymous"
# The name, in logs and metrics, of whoever calls before it is known, or cannot be known.
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Caller:
    """A backend that calls.

    `issuers` and `client_ids` are those whose tokens and sessions it may handle; None means all. Of what is
    not its own it learns nothing: such a thing is to it as if it were not there. `known_until` is when what
    it showed of itself runs out, in seconds since 1970, None for never: nothing that it is given to keep
    outlives that.
    """

    name: str
    groups: frozenset[Group]
    issuers: frozenset[str] | None = None
    client_ids: frozenset[str] | None = None
    known_until: float | None = None

    @property
    def is_restricted(self) -> bool:
        """Whether there are sessions that it may not handle."""
        return self.issuers is not None or self.client_ids is not None

    def require_any(self, groups: Collection[Group]) -> None:
        """Raise `CallerNotPermittedError` unless it is in one of `groups`; nobody is in one of no groups."""
        if self.groups.isdisjoint(groups):
            raise CallerNotPermittedError("group", " or ".join(sorted(set(groups))) or "none")

    def may_handle_issuer(self, issuer: str | None) -> bool:
        """Whether it may handle what belongs to this issuer."""
        return self.issuers is None or issuer in self.issuers

    def require_issuer(self, issuer: str) -> None:
        """Raise `CallerNotPermittedError` where it may not handle what belongs to this issuer."""
        if not self.may_handle_issuer(issuer):
            raise CallerNotPermittedError("issuer", issuer)

    def require_issuer_among(self, issuers: Collection[str], issuer: str, *, else_allowed: str) -> None:
        """Raise for an issuer that it may not handle, or that is not among these.

        Raises:
            CallerNotPermittedError: it may not handle what belongs to it.
            InputRefusedError: it is not one of `issuers`; the message names those that it may handle, or says
                `else_allowed` where there are none.
        """
        self.require_issuer(issuer)
        if issuer not in issuers:
            allowed = ", ".join(sorted(filter(self.may_handle_issuer, issuers))) or else_allowed
            raise InputRefusedError(Input.ISSUER, found=quoted(issuer), allowed=allowed)

    def require_local_issuer(self, issuer: str | None) -> None:
        """The same for the local issuer, None where there is none.

        Whoever may not handle its sessions does not learn its name, nor whether there is one.
        """
        if not self.may_handle_issuer(issuer):
            raise CallerNotPermittedError("issuer", "local")

    def may_handle_client(self, client_id: str | None) -> bool:
        """Whether it may handle what belongs to this client."""
        return self.client_ids is None or client_id in self.client_ids

    def require_session(self, issuer: str, client_id: str | None) -> None:
        """Raise `CallerNotPermittedError` where it may not handle sessions of this issuer and client."""
        self.require_issuer(issuer)
        if not self.may_handle_client(client_id):
            raise CallerNotPermittedError("client_id", client_id or "none")

    def may_handle(self, issuer: str, client_id: str) -> bool:
        """Whether it may handle sessions of this issuer and client."""
        return self.may_handle_issuer(issuer) and self.may_handle_client(client_id)

    def require_every_client(self) -> None:
        """Raise `CallerNotPermittedError` where it may handle the sessions of some clients only.

        It is asked for what concerns the sessions of all clients.
        """
        if self.client_ids is not None:
            raise CallerNotPermittedError("client_id", "all")
