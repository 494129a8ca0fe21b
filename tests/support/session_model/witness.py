"""Hears of all that is carried out at the store and at the provider, and tells where the model differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sessiond_server.domain.session import Cause
from tests.support.session_model.adopted import Adopting
from tests.support.session_model.attempts import NO_TOKEN, SUCCESS, Attempt
from tests.support.session_model.outages import Outages

if TYPE_CHECKING:
    from tests.support.session_model.families import Family, Presented
    from tests.support.session_model.targets import Target
    from tests.support.session_model.wire import Command
    from tests.support.session_model.world import World

SUBJECTS = ("alice", "bob")
# For how long a subject's tokens may count as from before a cutoff: their times are in seconds, and clocks
# differ by two.
UNCLEAR_MS = 3_000


@dataclass(eq=False)
class Witness:
    """The model of all sessions, by their names, and everything that was not as it should be."""

    world: World
    families: dict[str, Family] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    outages: Outages = field(default_factory=Outages)
    # Refresh tokens of the provider: those that must not be sent any more, those that a server has not kept
    # yet, and those that must have been revoked in the end.
    replaced: set[str] = field(default_factory=set)
    owed: dict[str, Attempt] = field(default_factory=dict)
    queued: set[str] = field(default_factory=set)
    unclear_until_ms: dict[str, int] = field(default_factory=dict)

    def complain(self, attempt: Attempt | None, of: str) -> None:
        """Something is not as it should be."""
        self.violations.append(f"{attempt} at {self.world.now_ms}: {of}")

    def is_unclear(self, subject: str) -> bool:
        """Whether a new token of the subject may count as from before a cutoff."""
        return self.unclear_until_ms.get(subject, 0) > self.world.wall * 1000

    def note(self, command: Command, answer: Any) -> None:
        """The store has carried a command out, and answers so."""
        server, now = command.server, self.world.now_ms
        if command.not_after_ms is not None and now > command.not_after_ms + 1:
            self.complain(command.attempt, f"{command.script} was carried out, and was late")
        match command.script:
            case "poll":
                server.outages.hear(now)
                server.reading = now, self.world.steady
            case "note_use":
                self.outages.hear(now)
            case "rotate":
                self._note_rotation(command, answer[0].decode())
            case "commit":
                self._note_commit(command, _about(command), answer[0].decode())
            case "hold":
                self._note_hold(command, _about(command), answer[0])
            case "settle":
                self._note_settled(command, _about(command), answer[0])
            case "end" | "end_subject" | "cutoff" if not _is_of_adoption(command):
                self._note_end(command)
            case script if _is_of_adoption(command):
                attempt = command.attempt
                attempt.about.note(self, attempt, script, _word_of(answer))

    def note_late(self, command: Command) -> None:
        """The store has refused a command because it came too late."""
        if command.not_after_ms is not None and self.world.now_ms < command.not_after_ms:
            self.complain(command.attempt, f"{command.script} was refused as late, and was not")
        if not command.is_given_up:
            command.server.reading = None
            if command.attempt:
                command.attempt.expected = "STORE_UNAVAILABLE"

    def note_sent(self, attempt: Attempt, token: str) -> None:
        """A server sends a refresh token to the provider.

        It cannot know that the store's clock was set ahead, and its lease has run out by that.
        """
        if token in self.replaced and attempt.set_ahead_ms == self.world.set_ahead_ms:
            self.complain(attempt, "I1: a token of the provider was sent that had been replaced")

    def note_given(self, attempt: Attempt, brought: Any) -> None:
        """The provider has given something, whose way to the server is free."""
        if brought.is_new and not attempt.server.is_dead:
            self.owed[brought.refresh] = attempt

    def note_given_up(self, attempt: Attempt) -> None:
        """A server has not waited for what the provider gives."""
        self.owed = {token: other for token, other in self.owed.items() if other is not attempt}

    def _note_rotation(self, command: Command, found: str) -> None:
        attempt = command.attempt
        assert attempt
        about: Presented = attempt.about
        if attempt.about == NO_TOKEN:
            self.complain(attempt, "I8: the store was asked to spend what is no token")
            return
        came, outages = self._came(command, attempt), self._outages(command)
        wanted = about.family.rotate(attempt, about, now=self.world.now_ms, came=came, outages=outages)
        self._compare(command, wanted, found)
        attempt.expected = _answer_to(wanted)
        if wanted == "LEASED":
            # Nothing was sent yet: a lease that is given back now leaves no doubt.
            attempt.brought, attempt.doubt = None, "RELEASE"
            attempt.set_ahead_ms = self.world.set_ahead_ms

    def _note_commit(self, command: Command, about: Presented, found: str) -> None:
        attempt = command.attempt
        assert attempt
        self._require_kind(attempt, about, "")
        wanted = about.family.commit(attempt, about, attempt.brought, self.world.now_ms)
        self._compare(command, wanted, found)
        self._note_brought(attempt, is_kept=wanted == "ROTATED", is_queued=wanted != "MOVED")
        attempt.expected = _answer_to(wanted)

    def _note_hold(self, command: Command, about: Presented, found: int) -> None:
        attempt = command.attempt
        assert attempt
        self._require_kind(attempt, about, "unfit")
        is_kept = about.family.hold(attempt, about, attempt.brought, self.world.now_ms)
        self._compare(command, str(int(is_kept)), str(found))
        self._note_brought(attempt, is_kept=is_kept, is_queued=about.family.is_over)
        attempt.expected = "PROVIDER_UNAVAILABLE"

    def _note_settled(self, command: Command, about: Presented, found: int) -> None:
        attempt, family, action = command.attempt, about.family, command.argument("action")
        assert attempt
        cause = "PROVIDER_LOST" if family.in_doubt else "PROVIDER_REFUSED"
        if attempt.brought:
            cause = "PROVIDER_MISMATCH"
            self._require_kind(attempt, about, "somebody's")
        if action != ("END" if attempt.brought else attempt.doubt):
            self.complain(attempt, f"a lease was given back with {action} instead of {attempt.doubt!r}")
        is_done = family.settle(attempt, action, cause, self.world.now_ms)
        self._compare(command, str(int(is_done)), str(found))
        if action != "END":
            return
        if attempt.brought:
            self._note_brought(attempt, is_kept=False, is_queued=is_done)
        if is_done:
            self.replaced.add(family.upstream)
        attempt.expected = "PROVIDER_REFUSED" if is_done else "PROVIDER_UNAVAILABLE"

    def _note_end(self, command: Command) -> None:
        attempt = command.attempt
        assert attempt
        target: Target = attempt.about
        for subject in {target.family.subject} if target.is_of_subject else SUBJECTS:
            self.unclear_until_ms[subject] = self.world.now_ms + UNCLEAR_MS
        for family in target.families(self.families.values()):
            if command.script == "cutoff":
                family.is_cut_off = family.is_cut_off or family.created_ms <= self.world.now_ms
            else:
                family.end(Cause(int(command.argument("cause"))).name)
        attempt.expected = SUCCESS

    def _came(self, command: Command, attempt: Attempt) -> int:
        """When the call came, by the store's clock as its server knows it."""
        came = int(command.argument("arrived_ms"))
        if command.came_ms is not None and abs(came - command.came_ms) > 1:
            self.complain(attempt, f"it came at {command.came_ms:.0f}, and is said to have come at {came}")
        return came

    def _outages(self, command: Command) -> list[tuple[int, int]]:
        return self.outages.until(self.world.now_ms) + command.own_outages

    def _compare(self, command: Command, wanted: str, found: str) -> None:
        if wanted != found:
            self.complain(command.attempt, f"{command.script} gave {found} instead of {wanted}")

    def _require_kind(self, attempt: Attempt, about: Presented, kind: str) -> None:
        """What was brought should be treated as what it is; it is unfit where nobody can judge it."""
        found, server = attempt.brought.kind, attempt.server
        is_unclear = (
            about.family.is_over
            or not server.is_fresh()
            or abs(server.clock.now() - self.world.wall) > 1
            or self.is_unclear(about.family.subject)
        )
        if found != kind and not (kind == "unfit" and is_unclear):
            self.complain(attempt, f"{found or 'a good token'} was taken for {kind or 'a good token'}")

    def _note_brought(self, attempt: Attempt, *, is_kept: bool, is_queued: bool) -> None:
        """What was brought is kept, or will be revoked, or is dropped, which is counted."""
        brought = attempt.brought
        self.owed.pop(brought.refresh, None)
        if is_kept and brought.is_new:
            self.replaced.add(brought.sent)
        elif is_queued and not is_kept:
            self.queued.add(brought.refresh)


def _is_of_adoption(command: Command) -> bool:
    return command.attempt is not None and isinstance(command.attempt.about, Adopting)


def _word_of(answer: Any) -> str:
    """How a reply begins."""
    first = answer[0] if isinstance(answer, list) else answer
    return first.decode() if isinstance(first, bytes) else str(first)


def _about(command: Command) -> Presented:
    assert command.attempt
    presented: Presented = command.attempt.about
    return presented


def _answer_to(outcome: str) -> str:
    if outcome in {"ROTATED", "REPLAYED"}:
        return SUCCESS
    return "PROVIDER_UNAVAILABLE" if outcome in {"LEASED", "BUSY", "HELD", "MOVED"} else outcome
