"""A validator that gives what a test says, and remembers what it was asked; for threads, and for asyncio."""

from datetime import UTC, datetime
from typing import Any

from sessiond import Session


def session(subject: str = "alice", claims_json: str = "{}") -> Session:
    return Session.example(subject, claims_json=claims_json, expire_time=datetime(2100, 1, 1, tzinfo=UTC))


class Scripted:
    def __init__(self, gives: Any = None) -> None:
        self.gives = session() if gives is None else gives
        self.tokens: list[str] = []
        self.policies: list[Any] = []
        self.options: list[dict[str, Any]] = []

    def validate(self, token: str, policy: Any, **options: Any) -> Any:
        self.tokens.append(token)
        self.policies.append(policy)
        self.options.append(options)
        if isinstance(self.gives, BaseException):
            raise self.gives
        return self.gives

    def on_asyncio(self) -> "ScriptedAsync":
        return ScriptedAsync(self)


class ScriptedAsync:
    def __init__(self, scripted: Scripted) -> None:
        self._scripted = scripted

    async def validate(self, token: str, policy: Any, **options: Any) -> Any:
        return self._scripted.validate(token, policy, **options)
