"""What is true in the model: tokens, what was revoked, withdrawn and reconfigured, and since when."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from sessiond import hashed_ids
from sessiond.results import Session

if TYPE_CHECKING:
    from tests.support.watch_model.simulation import Simulation

MAX_STALENESS = 1.0
KEY_FETCH = 5.0
ISSUER = "https://id.example"
# Two steady clocks drift by so much within the life of a stream.
TOLERANCE = 0.01


@dataclass(eq=False)
class Token:
    """A token; every time is the earliest from which nobody may accept it `MAX_STALENESS` later."""

    number: int
    session: Session
    hashed_ids: tuple[bytes, ...]
    key: bytes
    needs_configuration: int = -1  # the last one that accepts it; -1: any
    place: int | None = None  # in the log, once it is revoked
    answered_at: float = inf  # by RevokeSession
    gone_at: float = inf  # by its key, or by configuration

    @property
    def ended_at(self) -> float:
        return min(self.answered_at, self.gone_at)


@dataclass
class Key:
    name: str
    hashed_id: bytes
    withdrawn_at: float = inf


@dataclass
class Truth:
    """The log of revocations, the keys, the configuration, and the tokens that are presented."""

    simulation: Simulation
    log: list[tuple[Token, bytes]] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)
    configuration: int = 0
    made: int = 0

    def key(self) -> Key:
        name = f"k{len(self.keys)}"
        self.keys.append(Key(name, hashed_ids.hashed_id("key", ISSUER, name)))
        return self.keys[-1]

    def token(self, *, key: Key, needs_configuration: int = -1) -> Token:
        self.made += 1
        blank = dict.fromkeys(("principal", "provider_session_id", "tenant_id", "client_id", "acr"), "")
        nothing = dict.fromkeys(("audiences", "scopes", "roles", "permissions", "amr"), ())
        unknown = dict.fromkeys(("issue_time", "expire_time", "auth_time", "actor"))
        session = Session(
            issuer=ISSUER,
            subject=f"u{self.made}",
            session_id=f"s{self.made}",
            token_id="",
            key_id=key.name,
            claims_json="",
            **blank,
            **nothing,
            **unknown,
        )
        ids = (hashed_ids.hashed_id("session", "", session.session_id), key.hashed_id)
        token = Token(self.made, session, ids, key.hashed_id, needs_configuration)
        self.tokens.append(token)
        return token

    def revoke(self, token: Token) -> None:
        """From now on the log says so; the answer is on its way."""
        if token.place is None:
            token.place = len(self.log)
            self.log.append((token, token.hashed_ids[0]))
