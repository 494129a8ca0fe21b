"""What is told of the ends that callers want."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sessiond_server.domain.caller import Caller
from sessiond_server.domain.identifiers import SessionId
from sessiond_server.domain.revocation import RevocationType, to_revision
from sessiond_server.domain.session import Cause, Whose
from sessiond_server.service.audit.events import Outcome
from sessiond_server.service.audit.origin import Origin
from sessiond_server.service.audit.trail import AuditTrail, told_where_uncertain
from sessiond_server.service.storage.cutoffs import Shared
from sessiond_server.service.storage.revocations import Logged
from sessiond_server.service.storage.sessions import RevocationResult


@dataclass(frozen=True, slots=True)
class Ending:
    """Why something is to end, and who wants it."""

    cause: Cause
    caller: Caller
    origin: Origin


class AuditedEnds:
    """Waits for ends that the store was asked for, and tells of each.

    What it has acknowledged is told before anything else follows; where nobody learns what came of it, it is
    told as uncertain, and the failure goes on.
    """

    def __init__(self, audit: AuditTrail) -> None:
        self._audit = audit

    async def of_session(
        self, session: SessionId, coming: Awaitable[RevocationResult], ending: Ending
    ) -> RevocationResult:
        """Tell of a session that was named by its id."""
        tell = partial(self._audit.ended, session, origin=ending.origin, cause=ending.cause)
        with told_where_uncertain(lambda: tell(Whose(), outcome=Outcome.UNCERTAIN)):
            ended = await coming
        tell(ended.whose, **_outcome_of([ended.logged]))
        return ended

    async def of_token(
        self, whose: Whose, coming: Awaitable[RevocationResult], ending: Ending
    ) -> RevocationResult:
        """Tell of the sessions that live by a provider's access token: each, or that there was none."""
        tell = partial(self._audit.ended, whose=whose, origin=ending.origin, cause=ending.cause)
        with told_where_uncertain(lambda: tell(None, outcome=Outcome.UNCERTAIN)):
            ended = await coming
        for session in ended.ended or (None,):
            tell(session, **_outcome_of([ended.logged]))
        return ended

    async def of_subject(
        self, whose: Whose, coming: Awaitable[RevocationResult], ending: Ending
    ) -> RevocationResult:
        """Tell of every session of a subject at once."""
        tell = self._at_once(RevocationType.SUBJECT, whose, ending)
        with told_where_uncertain(lambda: tell(outcome=Outcome.UNCERTAIN)):
            ended = await coming
        tell(count=ended.count, **_outcome_of([ended.logged]))
        return ended

    async def of_shared(
        self, shared: Shared, coming: Awaitable[Sequence[Logged]], ending: Ending
    ) -> Sequence[Logged]:
        """Tell of what many sessions share."""
        tell = self._at_once(shared.type, _whose_shared(shared), ending, **_named_by(shared))
        with told_where_uncertain(lambda: tell(outcome=Outcome.UNCERTAIN)):
            logged = await coming
        tell(**_outcome_of(logged))
        return logged

    def _at_once(
        self, kind: RevocationType, whose: Whose, ending: Ending, **named: Any
    ) -> Callable[..., None]:
        return partial(
            self._audit.revoked_at_once, kind.name, whose, ending.origin, cause=ending.cause, **named
        )


def _outcome_of(logged: Sequence[Logged]) -> dict[str, Any]:
    """What came of an end, and how far the log was written then.

    Whoever asks again for what has ended has nothing written.
    """
    outcome = Outcome.DONE if any(part.revocations for part in logged) else Outcome.REPEATED
    return {"outcome": outcome, "revision": to_revision(part.position for part in logged)}


def _whose_shared(shared: Shared) -> Whose:
    named = shared.identifier
    return Whose(
        issuer=shared.issuer,
        tenant_id=named if shared.type is RevocationType.TENANT else None,
        client_id=named if shared.type is RevocationType.CLIENT else None,
    )


def _named_by(shared: Shared) -> dict[str, Any]:
    if shared.type is RevocationType.KEY:
        return {"keys_removed": (shared.identifier,)}
    return {"session_id": shared.identifier} if shared.type is RevocationType.PROVIDER_SESSION else {}
