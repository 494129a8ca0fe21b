"""What a client keeps and knows, in one: the cache, the knowledge behind it, and the clocks for both."""

from __future__ import annotations

from hashlib import sha256
from math import inf
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from sessiond import hashed_ids
from sessiond.access import Metadata
from sessiond.cache import Acceptance, Asked, Cache, VerdictCache
from sessiond.clocks import Clocks
from sessiond.flights import Landed, Question
from sessiond.knowledge import Knowledge
from sessiond.results import Reason, Session, Verdict, to_verdict
from sessiond.v1.session_service_pb2 import (
    RevokeSessionRequest,
    RevokeSessionResponse,
    ValidateTokenResponse,
)

# Where a server has more to tell of one revocation, it tells no more than this.
_MOST_TOLD: Final = 4_096
# The field of a target that holds its identifier at its issuer.
_IDENTIFIERS: Final = {
    "subject": "subject",
    "tenant": "tenant_id",
    "client": "client_id",
    "provider_session": "session_id",
    "key": "key_id",
}


class Memory:
    """Threads need a lock for what changes it: `keep`, `learn` and `end`."""

    def __init__(self, bounds: Cache, clocks: Clocks) -> None:
        self.knowledge: Final = Knowledge()
        self.cache: Final = VerdictCache(bounds, self.knowledge)
        self._clocks = clocks

    def keep(self, question: Question, landed: Landed) -> None:
        """Keep an acceptance that may be kept, and learn from a rejection."""
        if landed.accepted is not None:
            self.cache.insert(question.key, landed.accepted, self._clocks.steady())
        else:
            self.learn(question.raw, landed.verdict)

    def learn(self, raw: bytes, verdict: Verdict) -> None:
        """Of a token that was revoked nothing is repeated, whatever was required of it."""
        if isinstance(verdict, Session) or verdict.reason is not Reason.REVOKED:
            return
        token = hashed_ids.of_token(raw)
        # Once is enough, as it stays revoked: who presents it again and again fills no memory.
        if not self.knowledge.has_heard(token):
            self.knowledge.hear(token, self._clocks.steady())

    def end(self, request: RevokeSessionRequest, response: RevokeSessionResponse) -> None:
        """Carry out here what this client has just revoked, before it is told that it has."""
        told = [one.hashed_id for one in response.revocations]
        has_ended = not response.HasField("sessions_ended") or response.sessions_ended > 0
        is_silent = not told and (has_ended or not self.knowledge.is_watched)
        if is_silent or len(told) >= _MOST_TOLD:
            self.knowledge.forget()  # what stands now is not known, or not all of it
        self.knowledge.end((*_own(request), *told), self._clocks.steady())

    @property
    def watch_age(self) -> float | None:
        """How long ago everything that was revoked was known."""
        known = self.knowledge.freshness.known
        return None if known == -inf else self._clocks.steady() - known


def read(response: ValidateTokenResponse, raw: bytes, asked: Asked) -> Landed:
    """What an answer says of a token."""
    verdict = to_verdict(response)
    if isinstance(verdict, Session):
        return Landed(verdict, _acceptance(verdict, response, raw, asked))
    return Landed(verdict)


def caller_of(metadata: Metadata) -> bytes:
    """Who asks, for a key of the cache; always of the same length."""
    return sha256(repr(metadata).encode()).digest()


def _acceptance(session: Session, response: ValidateTokenResponse, raw: bytes, asked: Asked) -> Acceptance:
    key = hashed_ids.of_key(session)
    return Acceptance(
        session=session,
        asked=asked,
        revision_age=max(0.0, _seconds(response, "revision_age")),
        cache_for=_seconds(response, "cache_for"),
        watched_cache_for=_seconds(response, "watched_cache_for"),
        configuration=response.configuration,
        hashed_ids=(*hashed_ids.of_session(session), key, hashed_ids.of_token(raw)),
        key=key,
        size=response.ByteSize(),
    )


def _seconds(response: ValidateTokenResponse, name: str) -> float:
    span: Duration = getattr(response, name)
    return float(span.seconds) + span.nanos / 1e9


def _own(request: RevokeSessionRequest) -> list[bytes]:
    """What the target of a revocation tells by itself."""
    kind = request.WhichOneof("target")
    target: Any = getattr(request, kind) if kind else None
    match kind:
        case "session_id":
            return [hashed_ids.hashed_id("session", "", target)]
        case "access_token":
            return [hashed_ids.of_token(target.encode())]
        case "issuer":
            return [hashed_ids.hashed_id(kind, target, "")]
        case "subject" | "tenant" | "client" | "provider_session" | "key":
            return [hashed_ids.hashed_id(kind, target.issuer, getattr(target, _IDENTIFIERS[kind]))]
        case _:
            return []
