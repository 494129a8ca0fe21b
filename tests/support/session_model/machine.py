"""The steps: what callers do, and what happens to servers, store, provider and clocks meanwhile."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.support.session_model.adopted import Adopted, Adopting
from tests.support.session_model.driver import Driver
from tests.support.session_model.families import Family, Presented
from tests.support.session_model.findings import SCENES
from tests.support.session_model.scene import DESK, PHONE, play
from tests.support.session_model.stage import CALLERS, Stage
from tests.support.session_model.targets import KINDS, Target
from tests.support.session_model.upstream import UPSTREAM_FAULTS
from tests.support.session_model.wire import STORE_FAULTS
from tests.support.session_model.witness import SUBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from tests.support.session_model.scene import Scene
    from tests.support.session_model.servers import ModelServer

MAX_LIVE: Final = 4
MAX_PENDING: Final = 6
LAST_NUMBER: Final = 5

numbers = st.integers(0, LAST_NUMBER)
devices = st.sampled_from([PHONE] * 4 + [DESK, (CALLERS[1], "phone")])
_faults = st.one_of(
    st.tuples(st.just("upstream"), st.sampled_from(UPSTREAM_FAULTS)),
    st.tuples(st.sampled_from(["rotate", "commit", "hold", "settle"]), st.sampled_from(STORE_FAULTS)),
)
_adoption_faults = st.one_of(
    st.tuples(st.just("upstream"), st.sampled_from(UPSTREAM_FAULTS)),
    st.tuples(
        st.sampled_from(["adopt", "create", "keep_adoption", "hold_adoption", "repeat_login"]),
        st.sampled_from(STORE_FAULTS),
    ),
)
faulty_plans = st.lists(_faults, min_size=1, max_size=2).map(dict)
plans = st.one_of(st.just({}), faulty_plans)
TROUBLES: Final = (
    *("crash", "crash", "cut"),
    *("clock 3", "clock -3", "clock 3600", "clock -3600"),
    *("store 400", "store -400", "store 5000", "store -5000", "store 30000"),
)
SPANS: Final = (100, 900, 3_000, 9_999, 10_000, 15_000, 20_000, 61_000, 300_000, 600_000)


class Sessions(RuleBasedStateMachine):
    """Two servers over one store and before one provider, with a loop whose time stands still.

    What cannot be done at the moment does nothing, and has no precondition: in which order calls go on that
    are side by side is the machine's matter, and which rules there are must not depend on that.
    """

    stage: ClassVar[Stage]
    changes: ClassVar[Mapping[str, tuple[str, str]]] = {}
    scenes: ClassVar[Sequence[Callable[[Scene], None]]] = SCENES

    @initialize()
    def begin(self) -> None:
        self.driver = Driver(self.stage, self.changes)
        self.adopted: list[Adopted] = []
        self.world, self.witness = self.driver.world, self.driver.witness
        for is_provider in (True, False):
            self.do(self.driver.open(self._server(0), is_provider=is_provider))

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            return
        with closing(self.driver):
            if not self.witness.violations:
                self.driver.finish()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.driver.do(work)

    def _server(self, number: int) -> ModelServer:
        return self.world.servers[number % len(self.world.servers)]

    def _live(self) -> list[Family]:
        return [one for one in self.witness.families.values() if one.is_live(self.world.now_ms)]

    def _family(self, number: int) -> Family:
        """One of those that are live, or by the last number any one."""
        families = [] if number == LAST_NUMBER else self._live()
        families = families or list(self.witness.families.values())
        return families[number % len(families)]

    def _presented(self, number: int, back: int = 0, device: tuple[str, str] = PHONE) -> Presented:
        return self._family(number).presented(device, back)

    def _may_call(self) -> bool:
        return len(self.world.attempts) < MAX_PENDING

    def _may_open(self) -> bool:
        return len(self._live()) < MAX_LIVE

    def _may_revoke(self) -> bool:
        return self._may_call() and len(self._live()) > 1

    @rule(at=numbers, is_provider=st.booleans(), subject=st.sampled_from(SUBJECTS))
    def open(self, at: int, is_provider: bool, subject: str) -> None:  # noqa: FBT001
        if not self._may_open():
            return
        self.do(self.driver.open(self._server(at), is_provider=is_provider, subject=subject))

    @rule(number=numbers, at=numbers, device=devices)
    def refresh(self, number: int, at: int, device: tuple[str, str]) -> None:
        """The latest token that anybody has."""
        if not self._may_call():
            return
        self.do(self.driver.refresh(self._presented(number, 0, device), [self._server(at)], {}))

    @rule(number=numbers, back=st.integers(1, 3), at=numbers, device=devices)
    def refresh_again(self, number: int, back: int, at: int, device: tuple[str, str]) -> None:
        """A token that was spent before."""
        if not self._may_call():
            return
        self.do(self.driver.refresh(self._presented(number, back, device), [self._server(at)], {}))

    @rule(number=numbers, back=st.integers(0, 1), at=st.lists(numbers, min_size=2, max_size=4), plan=plans)
    def refresh_side_by_side(self, number: int, back: int, at: list[int], plan: dict[str, str]) -> None:
        """Several calls with one token; something may happen to the first."""
        if not self._may_call():
            return
        servers = [self._server(one) for one in at]
        self.do(self.driver.refresh(self._presented(number, back), servers, plan))

    @rule(number=numbers, at=numbers, plan=faulty_plans)
    def refresh_with_a_fault(self, number: int, at: int, plan: dict[str, str]) -> None:
        """Something happens to a call, and it is made again elsewhere."""
        if not self._may_call():
            return
        presented = self._presented(number)
        self.do(self.driver.refresh(presented, [self._server(at)], plan))
        self.do(self.driver.refresh(presented, [self._server(at + 1)], {}))

    @rule(
        number=st.integers(0, 2),
        at=st.lists(numbers, min_size=1, max_size=3),
        device=devices,
        plan=st.one_of(st.just({}), st.lists(_adoption_faults, min_size=1, max_size=2).map(dict)),
    )
    def adopt(self, number: int, at: list[int], device: tuple[str, str], plan: dict[str, str]) -> None:
        """A token that the provider gave to somebody else: a new one by 0, and one of the last ones."""
        if not self._may_call():
            return
        if number == 0 or not self.adopted:
            given = self.do(self.world.provider.login(SUBJECTS[0]))
            self.adopted.append(Adopted(given["refresh_token"], SUBJECTS[0]))
        adopted = self.adopted[-max(1, min(number, len(self.adopted)))]
        self.do(self.driver.adopt(Adopting(adopted, device), [self._server(one) for one in at], plan))

    @rule(number=numbers, back=st.integers(0, 3), at=numbers, place=st.integers(5, 100))
    def forge(self, number: int, back: int, at: int, place: int) -> None:
        """A token of which one character was changed is none; it changes nothing."""
        self.do(self.driver.forge(self._presented(number, back), place, self._server(at)))

    @rule(
        number=numbers,
        kind=st.sampled_from(["session", "session", *KINDS]),
        at=numbers,
        fault=st.sampled_from(["", "", "lost", "stall before", "late"]),
    )
    def revoke(self, number: int, kind: str, at: int, fault: str) -> None:
        if not self._may_revoke():
            return
        plan = {"end": fault} if fault else {}
        self.do(self.driver.revoke(Target(kind, self._family(number)), self._server(at), plan))

    @rule(number=numbers, at=numbers)
    def validate(self, number: int, at: int) -> None:
        """Nobody who has read the log accepts a token of a session that has ended."""
        family = self._family(number)
        for token in family.access_tokens[-3:]:
            self.do(self.driver.validate(token, family, self._server(at)))

    @rule(number=numbers)
    def go_on(self, number: int) -> None:
        """What a call waited for comes."""
        if not self.world.attempts:
            return
        self.world.attempts[number % len(self.world.attempts)].go_on()
        self.do(self.driver.collect())

    @rule(number=numbers)
    def leave(self, number: int) -> None:
        """A caller does not wait any longer."""
        if not self.world.attempts:
            return
        attempt = self.world.attempts[number % len(self.world.attempts)]
        attempt.task.cancel()
        self.do(self.driver.collect())

    @rule(number=numbers)
    def arrive_late(self, number: int) -> None:
        """A command gets to the store that its sender has given up."""
        if not self.world.late:
            return
        late = self.world.late.pop(number % len(self.world.late))
        self.do(self.world.deliver(late))

    @rule(milliseconds=st.sampled_from(SPANS))
    def wait(self, milliseconds: int) -> None:
        self.do(self.driver.wait(milliseconds))

    @rule(milliseconds=st.sampled_from(SPANS))
    def outage(self, milliseconds: int) -> None:
        self.do(self.driver.outage(milliseconds))

    @rule(at=numbers, what=st.sampled_from(TROUBLES))
    def trouble(self, at: int, what: str) -> None:
        """Something happens to a server or to the store, which ends with `mend` where it does not pass."""
        number = at % len(self.world.servers)
        match what.split():
            case ["crash"]:
                self.do(self.driver.crash(number))
            case ["cut"]:
                self.world.servers[number].link.is_cut = True
            case ["clock", seconds]:
                self.world.servers[number].set_clock(int(seconds), self.world.wall)
            case ["store", milliseconds]:
                self.do(self.driver.set_store_clock(int(milliseconds)))

    @rule(number=st.integers(0, len(SCENES) - 1))
    def play(self, number: int) -> None:
        """What must be in one order to matter, in the middle of everything else."""
        if self._may_call() and len(self._live()) < 2 * MAX_LIVE:
            play(self.scenes[number % len(self.scenes)], self.driver)

    @rule()
    def mend(self) -> None:
        self.do(self.driver.mend())

    @invariant()
    def every_promise_is_kept(self) -> None:
        self.driver.look()
