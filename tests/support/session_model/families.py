"""What docs/rotation.md says of one session: the model that real servers and a real store are held to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.support.session_model.outages import pause_of_window

if TYPE_CHECKING:
    from tests.support.session_model.attempts import Attempt
    from tests.support.session_model.servers import ModelServer

LEASE_MS = 15_000
FIRST_HOLD_MS = 1_000
LONGEST_HOLD_MS = 60_000
MAX_REPLAYS = 1_000


@dataclass(frozen=True)
class Terms:
    """The policy of sessions, in milliseconds."""

    grace: int
    idle: int
    absolute: int


@dataclass(frozen=True)
class Presented:
    """A refresh token of a session, and who presents it."""

    family: Family
    generation: int
    device: tuple[str, str]

    @property
    def token(self) -> str:
        return self.family.tokens[self.generation]

    def __repr__(self) -> str:
        return f"{self.family.name}.{self.generation} of {self.device}"


@dataclass(eq=False, repr=False)
class Family:
    """A session, and what has been given out for it.

    `tokens` are its refresh tokens that somebody got, by generation, and `answers` what was answered to each.
    """

    name: str
    session: str
    issuer: str
    subject: str
    tenant: str
    client: str
    terms: Terms
    created_ms: int
    absolute_expire_ms: int
    tokens: dict[int, str]
    upstream: str = ""
    access_expire_ms: int = 0
    generation: int = 0
    idle_expire_ms: int = 0
    rotated_ms: int = 0
    rotated_before_ms: int = 0
    rotated_by: Attempt | None = None
    device: tuple[str, str] | None = None
    is_confirmed: bool = False
    replays: int = 0
    window_pause_ms: int = 0
    lease_holder: Attempt | None = None
    is_leased: bool = False
    lease_until_ms: int = 0
    in_doubt: bool = False
    holds: int = 0
    hold_until_ms: int = 0
    cause: str = ""
    is_cut_off: bool = False
    answers: dict[int, Any] = field(default_factory=dict)
    access_tokens: list[str] = field(default_factory=list)
    # The servers that have acknowledged that it ended.
    ended_at: set[ModelServer] = field(default_factory=set)

    def __repr__(self) -> str:
        return self.name

    def __post_init__(self) -> None:
        self.idle_expire_ms = self.absolute_expire_ms - self.terms.absolute + self.terms.idle

    def presented(self, device: tuple[str, str], back: int = 0) -> Presented:
        """The latest token that somebody got, or the one so many before it."""
        known = sorted(self.tokens)
        return Presented(self, known[max(0, len(known) - 1 - back)], device)

    @property
    def is_provider(self) -> bool:
        return bool(self.upstream)

    @property
    def is_over(self) -> bool:
        """Whether it has been ended."""
        return bool(self.cause) or self.is_cut_off

    def is_live(self, now_ms: int) -> bool:
        return not self.is_over and now_ms < min(self.idle_expire_ms, self.absolute_expire_ms)

    def end(self, cause: str) -> None:
        """For good; how it first ended stays."""
        self.cause = self.cause or cause
        self.is_leased, self.is_confirmed, self.in_doubt = False, False, False

    def rotate(
        self, who: Attempt, presented: Presented, *, now: int, came: int, outages: list[tuple[int, int]]
    ) -> str:
        """What becomes of a presented token, and with it of the session."""
        if self.is_over:
            return "SESSION_REVOKED"
        if now >= self.absolute_expire_ms:
            return "SESSION_LIFETIME_EXCEEDED"
        if now >= self.idle_expire_ms:
            return "SESSION_IDLE_TIMEOUT"
        if presented.generation == self.generation:
            return self._lease(who, now) if self.is_provider else self._advance(who, presented, now)
        return self._judge_spent(presented, now=now, came=min(came, now), outages=outages)

    def _judge_spent(
        self, presented: Presented, *, now: int, came: int, outages: list[tuple[int, int]]
    ) -> str:
        is_last = presented.generation == self.generation - 1
        spent = self.rotated_ms if is_last else self.rotated_before_ms
        closes, pause = spent + self.terms.grace, 0
        if came >= closes and self.terms.grace:
            pause = max(pause_of_window(spent, closes, outages), self.window_pause_ms if is_last else 0)
        if came >= closes + pause:
            self.end("REUSE")
            return "REFRESH_TOKEN_REUSED"
        has_answer = not self.is_provider or now <= self.access_expire_ms
        is_repeatable = not self.is_confirmed and has_answer and self.replays < MAX_REPLAYS
        if is_last and presented.device == self.device and is_repeatable:
            self.window_pause_ms = max(self.window_pause_ms, pause)
            self.replays += 1
            return "REPLAYED"
        return "REFRESH_TOKEN_SUPERSEDED"

    def _lease(self, who: Attempt, now: int) -> str:
        is_anothers = self.is_leased and self.lease_holder is not who
        if is_anothers and self.lease_until_ms > now:
            return "BUSY"
        if self.hold_until_ms > now:
            return "HELD"
        self.in_doubt = is_anothers or self.in_doubt
        self.is_leased, self.is_confirmed = True, True
        self.lease_until_ms, self.lease_holder = now + LEASE_MS, who
        return "LEASED"

    def _advance(self, who: Attempt, presented: Presented, now: int) -> str:
        self.generation = presented.generation + 1
        self.device, self.rotated_by = presented.device, who
        self.is_confirmed, self.replays, self.window_pause_ms = False, 0, 0
        self.is_leased, self.in_doubt, self.lease_until_ms = False, False, 0
        self.holds, self.hold_until_ms = 0, 0
        self.rotated_before_ms, self.rotated_ms = self.rotated_ms, now
        self.idle_expire_ms = min(now + self.terms.idle, self.absolute_expire_ms)
        return "ROTATED"

    def commit(self, who: Attempt, presented: Presented, brought: Any, now: int) -> str:
        """Whoever had the lease has been given tokens."""
        if self.is_over:
            return "SESSION_REVOKED"
        if self.rotated_by is who and self.generation == presented.generation + 1:
            return "ROTATED"
        is_outdated = self.holds > 0 and self.lease_holder is not who
        if self.generation != presented.generation or is_outdated:
            return "MOVED"
        if now >= self.absolute_expire_ms:
            return "SESSION_LIFETIME_EXCEEDED"
        self.upstream, self.access_expire_ms = brought.refresh, brought.access_expire_ms
        return self._advance(who, presented, now)

    def hold(self, who: Attempt, presented: Presented, brought: Any, now: int) -> bool:
        """Whoever had the lease has been given what cannot be handed out; whether it is kept."""
        if self.is_over or self.generation != presented.generation or self.lease_holder is not who:
            return False
        self.upstream = brought.refresh
        self.is_leased, self.in_doubt, self.lease_until_ms = False, False, 0
        last_used_ms = max(self.rotated_ms, self.created_ms)
        self.idle_expire_ms = min(last_used_ms + self.terms.idle, self.absolute_expire_ms)
        self.holds += 1
        self.hold_until_ms = now + min(FIRST_HOLD_MS * 2 ** (self.holds - 1), LONGEST_HOLD_MS)
        return True

    def settle(self, who: Attempt, action: str, cause: str, now: int) -> bool:
        """Whoever has the lease gives it back, or ends the session; whether it still had it."""
        is_held = self.is_leased and self.lease_until_ms > now and self.lease_holder is who
        if self.cause or not is_held:
            return False
        if action == "END":
            self.end(cause)
            return True
        self.is_leased, self.lease_until_ms = False, 0
        self.in_doubt = self.in_doubt or action == "DOUBT"
        return True
