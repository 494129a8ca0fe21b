"""What the fake remembers, and what becomes of it. Whoever asks or changes something holds its lock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Condition
from typing import Any, Final

from sessiond.hashed_ids import hashed_id, of_key, of_session
from sessiond.results import to_session
from sessiond.testing.calls import Call
from sessiond.testing.claims import Claims
from sessiond.testing.events import EventLog
from sessiond.testing.families import Bearer, Family, begun
from sessiond.testing.judging import judge, verify
from sessiond.testing.names import CONFIGURATION, GRACE, ISSUER, WATCHED_CACHE_FOR
from sessiond.testing.refusals import refresh_refused
from sessiond.testing.rejections import RejectedError
from sessiond.testing.tokens import Signer, access_header
from sessiond.v1.session_pb2 import PossessionProof, Requirements, Revocation, Session, Tokens
from sessiond.v1.session_service_pb2 import (
    CreateSessionRequest,
    RefreshSessionRequest,
    ValidateTokenResponse,
)


class State:
    """A server with one issuer."""

    def __init__(self) -> None:
        self.lock: Final = Condition()
        self.signer: Final = Signer()
        self.log: Final = EventLog(self.lock)
        self.families: Final[dict[str, Family]] = {}
        self.calls: Final[list[Call]] = []
        self.expired: Final[set[str]] = set()
        self.is_away = False
        self.ahead = timedelta(0)
        self.stopped: datetime | None = None
        self._generations: Final[dict[str, tuple[Family, int]]] = {}
        self._revoked: Final[set[bytes]] = set()
        # Sessions that began by then are revoked, in milliseconds since 1970.
        self._cutoffs: Final[dict[bytes, int]] = {}
        self._latest = 0

    def now(self) -> datetime:
        """The time by the fake's clock."""
        return self.stopped or datetime.now(UTC) + self.ahead

    def next_start(self) -> int:
        """Later than that of every session before.

        Nobody who logs in after a revocation is hit by it, though the clock stands still.
        """
        self._latest = max(self._latest + 1, int(self.now().timestamp() * 1000))
        return self._latest

    def verdict(self, token: str, want: Requirements, proof: PossessionProof) -> ValidateTokenResponse:
        """The verdict on a token, which may be kept only by those who watch."""
        try:
            found = verify(token, self.signer, want.issuers)
            judge(
                found,
                want,
                proof,
                self.now(),
                is_expired=found.session.token_id in self.expired,
                is_revoked=self._has_revoked(found.session, found.since),
            )
        except RejectedError as error:
            return ValidateTokenResponse(rejection=error.rejection, revision=self.log.revision)
        response = ValidateTokenResponse(
            session=found.session, revision=self.log.revision, configuration=CONFIGURATION
        )
        response.watched_cache_for.FromTimedelta(min(self._remaining(found, want), WATCHED_CACHE_FOR))
        return response

    def open(self, request: CreateSessionRequest) -> Family:
        """A new session."""
        family = begun(request, self.next_start(), self.now())
        self.families[family.id] = family
        self._generations[family.rotate()] = family, 0
        return family

    def issue(self, family: Family) -> Tokens:
        """What a login or a refresh gives out."""
        token = self.signer.sign(access_header(), family.claims(self.now()))
        session = verify(token, self.signer).session
        tokens = Tokens(
            access_token=token,
            access_expire_time=session.expire_time,
            refresh_token=family.current,
            session=session,
        )
        tokens.refresh_expire_time.FromDatetime(family.idle_expire)
        return tokens

    def family_of(self, refresh_token: str) -> Family | None:
        """The session of a refresh token of any generation."""
        found = self._generations.get(refresh_token)
        return found[0] if found else None

    def spend(self, request: RefreshSessionRequest, by: Bearer) -> tuple[Family, bool]:
        """The session of a refresh token that may be spent now, and whether it had been before.

        Raises:
            RefusedError: by the rows of docs/rotation.md, in their order.
        """
        family, generation = self._generations.get(request.refresh_token, (None, 0))
        if family is None:
            raise refresh_refused("REFRESH_TOKEN_INVALID")
        self._require_live(family, request.proof)
        if generation == len(family.spent):
            family.spent.append((self.now(), by))
            family.refreshed = self.now()
            self._generations[family.rotate()] = family, generation + 1
            return family, False
        at, bearer = family.spent[generation]
        if self.now() - at >= GRACE:
            self.end(family)
            raise refresh_refused("REFRESH_TOKEN_REUSED")
        if generation == len(family.spent) - 1 and bearer == by:
            return family, True
        raise refresh_refused("REFRESH_TOKEN_SUPERSEDED")

    def _require_live(self, family: Family, proof: PossessionProof) -> None:
        if family.has_ended or self._has_revoked(family.session(), family.start):
            raise refresh_refused("SESSION_REVOKED")
        if self.now() >= family.absolute_expire:
            raise refresh_refused("SESSION_LIFETIME_EXCEEDED")
        if self.now() >= family.idle_expire:
            raise refresh_refused("SESSION_IDLE_TIMEOUT")
        if family.certificate and family.certificate != proof.certificate_sha256:
            raise refresh_refused("BINDING_MISMATCH")

    def is_live(self, family: Family) -> bool:
        """Whether a session can still be refreshed."""
        is_revoked = family.has_ended or self._has_revoked(family.session(), family.start)
        return not is_revoked and self.now() < family.idle_expire

    def end(self, family: Family) -> Revocation:
        """End a session."""
        family.has_ended = True
        return self.revoke("session", "", family.id)

    def revoke(self, kind: str, issuer: str, identifier: str) -> Revocation:
        """Revoke what a name stands for, and tell the watchers."""
        hashed = hashed_id(kind, issuer, identifier)
        self._revoked.add(hashed)
        return self.log.revoke(kind, hashed, self.now())

    def cut_off(self, kind: str, issuer: str, identifier: str) -> Revocation:
        """Revoke every session so far that a name stands for, and tell the watchers."""
        hashed = hashed_id(kind, issuer, identifier)
        self._cutoffs[hashed] = self.next_start()
        return self.log.revoke(kind, hashed, self.now())

    def expire(self, token: str) -> None:
        """Have one access token expired from now on.

        Raises:
            RejectedError: it is none of the fake's.
        """
        token_id = verify(token, self.signer).session.token_id
        self.expired.add(token_id)
        self.log.revoke("token", hashed_id("token", ISSUER, token_id), self.now())

    def _has_revoked(self, session: Session, since: float) -> bool:
        known = to_session(session)
        hashed = (*of_session(known), of_key(known))
        return any(one in self._revoked or since <= self._cutoffs.get(one, -1) for one in hashed)

    def _remaining(self, found: Claims, want: Requirements) -> timedelta:
        remaining = found.expire - self.now()
        if want.HasField("max_auth_age"):
            at: Any = found.session.auth_time.ToDatetime(tzinfo=UTC)
            remaining = min(remaining, at + want.max_auth_age.ToTimedelta() - self.now())
        return remaining
