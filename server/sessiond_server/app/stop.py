"""Whether somebody wants a server to stop, and whether they wanted it twice."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stop:
    """The wish that a server stops; where it comes again, the server need not wait any more."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    asked_again: asyncio.Event = field(default_factory=asyncio.Event)

    def ask(self) -> None:
        """Want it to stop; whoever wants it again is in a hurry."""
        (self.asked_again if self.asked.is_set() else self.asked).set()

    def ask_once(self) -> None:
        """Want it to stop, as somebody else may want as well who is in no hurry either."""
        self.asked.set()


def on_signals(wanted: Callable[[], None]) -> None:
    """Call `wanted` at SIGTERM and SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, wanted)
