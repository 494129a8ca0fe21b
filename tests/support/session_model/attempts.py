"""A call under way, what is to go wrong with it, and what it must come to."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from tests.support.session_model.servers import ModelServer

# Whose command or request something is: tasks inherit it from the call that wanted them.
CURRENT: ContextVar[Attempt | None] = ContextVar("attempt", default=None)
SERVER: ContextVar[ModelServer | None] = ContextVar("server", default=None)

SUCCESS = "OK"
# Until something is carried out for it, nothing is expected of a call.
NOTHING = "nothing"
# What a call is about that presents none of our tokens.
NO_TOKEN = "no token"


@dataclass(eq=False)
class Attempt:
    """A call of one server.

    `plan` is what is to happen at which point of it, once each. `expected` is the answer that follows from
    what was carried out for it last, `excuses` are failures that what happened to it allows instead.
    `about` is the model's own matter: what it presents or names. `brought` is what the provider gave for it
    last, and `doubt` how the lease is to be given back where that was nothing. `set_ahead_ms` is by how much
    the store's clock had been set ahead when it got the lease.
    """

    method: str
    server: ModelServer
    arrived: float
    about: Any
    plan: dict[str, str] = field(default_factory=dict)
    expected: str = NOTHING
    excuses: set[str] = field(default_factory=set)
    task: asyncio.Task[Any] | None = None
    brought: Any = None
    doubt: str = ""
    set_ahead_ms: int = 0
    stalls: list[asyncio.Event] = field(default_factory=list)

    def fault_at(self, point: str) -> str:
        """What is to happen there, if anything; it happens once."""
        return self.plan.pop(point, "")

    def succeeds(self) -> None:
        """What it gets is stored."""
        self.expected = SUCCESS

    def go_on(self) -> None:
        """End whatever keeps it waiting."""
        stalls, self.stalls = self.stalls, []
        for stall in stalls:
            stall.set()

    def __repr__(self) -> str:
        return f"{self.method}@{self.server.name}({self.about})"
