"""What happens to two sessions, one thing after the other, where that must be in one order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.support.session_model.stage import CALLERS
from tests.support.session_model.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.support.session_model.attempts import Attempt
    from tests.support.session_model.driver import Driver
    from tests.support.session_model.families import Family

PHONE: Final = (CALLERS[0], "phone")
DESK: Final = (CALLERS[0], "desk")
NO_FAULT: Final[Mapping[str, str]] = {}
SUBJECT: Final = "alice"


@dataclass(frozen=True)
class Scene:
    """Two sessions, one of which is the provider's, and what is done to them.

    Servers are meant by their numbers. Whatever is done, all promises are looked at after it.
    """

    driver: Driver
    provider: Family
    local: Family

    def _do(self, work: Any) -> Any:
        found = self.driver.do(work)
        self.driver.look()
        return found

    def refresh(
        self,
        family: Family,
        plan: Mapping[str, str] = NO_FAULT,
        *,
        back: int = 0,
        at: tuple[int, ...] = (0,),
        device: tuple[str, str] = PHONE,
    ) -> Attempt:
        """Calls with the latest token, or the one so many before it; gives the first, which `plan` is for."""
        servers = [self.driver.world.servers[number] for number in at]
        return self._do(self.driver.refresh(family.presented(device, back), servers, plan))[0]

    def forge(self, family: Family) -> None:
        """The latest token, of which the last character was changed."""
        self._do(self.driver.forge(family.presented(PHONE), -1, self.driver.world.servers[0]))

    def revoke(self, family: Family, kind: str = "session") -> None:
        self._do(self.driver.revoke(Target(kind, family), self.driver.world.servers[0], {}))

    def validate(self, family: Family) -> None:
        """Its latest access token, where it is revoked."""
        self._do(self.driver.validate(family.access_tokens[-1], family, self.driver.world.servers[0]))

    def go_on(self, attempt: Attempt) -> None:
        """What it waited for comes, at its end."""
        while attempt.stalls:
            attempt.go_on()
            self._do(self.driver.collect())

    def leave(self, attempt: Attempt) -> None:
        """Its caller does not wait any longer."""
        assert attempt.task
        attempt.task.cancel()
        self._do(self.driver.collect())

    def arrive(self, attempt: Attempt) -> None:
        """What it has given up gets to the store."""
        late = self.driver.world.late
        for one in [one for one in late if one.command.attempt is attempt]:
            late.remove(one)
            self._do(self.driver.world.deliver(one))

    def wait(self, milliseconds: int) -> None:
        self._do(self.driver.wait(milliseconds))

    def outage(self, milliseconds: int) -> None:
        """The store is away for so long."""
        self._do(self.driver.outage(milliseconds))

    def set_store_clock(self, milliseconds: int) -> None:
        self._do(self.driver.set_store_clock(milliseconds))

    def crash(self) -> None:
        """The first server is no more, and another begins in its place."""
        self._do(self.driver.crash(0))


def play(scene: Callable[[Scene], None], driver: Driver) -> None:
    """Have it happen to sessions of its own, if they can be opened now."""
    server = driver.world.servers[0]
    driver.do(driver.mend())
    opened = [driver.do(driver.open(server, is_provider=kind, subject=SUBJECT)) for kind in (True, False)]
    if all(opened):
        scene(Scene(driver, *opened))
