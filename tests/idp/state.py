"""What the test provider knows.

These are its keys, the refresh tokens that it gave out, and the switches of the test.
"""

from __future__ import annotations

import functools
import json
import secrets
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

if TYPE_CHECKING:
    from pathlib import Path

GRACE_SECONDS = 30


@dataclass
class Switches:
    """How the provider behaves.

    `rotation`: strict (a spent token is refused), grace (it answers again for 30 s), static (it is never
    spent, and comes again), renewing (it is never spent, and another one comes). `collateral` says what a
    second presentation ends that is refused: nothing, all that has come of its login (family), or all of its
    subject (more).
    `status` and `error` answer the next `times` requests of the token endpoint. `lose` of its replies are
    lost after the token was spent, `break_after` are a 500; `hold` requests wait there until the next switch.
    `claims` go over those of new access tokens. `refresh_life` is what answers say of the refresh token's.
    `keys`: what the key set endpoint gives. `discovery` goes over the discovery document, in which None
    leaves out, and `discovery_status` answers instead of it. By so many seconds the clock is `ahead`.
    `client_keys`: by client a public key, PEM, with whose private half it has to sign who it is, for an
    audience: the issuer's name, the address of the `token_endpoint`, or that of the `endpoint` that is asked.
    """

    rotation: str = "strict"
    collateral: str = ""
    latency: float = 0.0
    status: int = 0
    error: str = ""
    times: int = 0
    lose: int = 0
    hold: int = 0
    break_after: int = 0
    claims: dict[str, Any] = field(default_factory=dict)
    keys: str = "good"
    access_lifetime: int = 300
    omit_refresh_token: bool = False
    refresh_life: dict[str, Any] = field(default_factory=dict)
    jwks_uri: str = ""
    discovery: dict[str, Any] = field(default_factory=dict)
    discovery_status: int = 200
    ahead: float = 0.0
    client_keys: dict[str, str] = field(default_factory=dict)
    assertion_audience: str = ""


@dataclass
class Counts:
    """What the provider was asked."""

    token: int = 0
    refreshed: int = 0
    keys: int = 0
    discovery: int = 0
    revoked: list[str] = field(default_factory=list)
    assertions: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class State:
    """All that has to outlive a restart is in `file`, if there is one."""

    file: Path | None
    switches: Switches = field(default_factory=Switches)
    counts: Counts = field(default_factory=Counts)
    signing_keys: list[tuple[str, str]] = field(default_factory=list)
    # By refresh token: its login, when it was spent, and what replaced it.
    refresh_tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    # The ids of assertions: each is good once.
    used: set[str] = field(default_factory=set)

    @classmethod
    def load(cls, file: Path | None) -> State:
        if file and file.exists():
            kept = json.loads(file.read_text())
            return cls(
                file,
                signing_keys=kept["signing_keys"],
                refresh_tokens=kept["refresh_tokens"],
                codes=kept["codes"],
            )
        state = cls(file)
        state.add_key()
        return state

    def save(self) -> None:
        if self.file:
            kept = {
                "signing_keys": self.signing_keys,
                "refresh_tokens": self.refresh_tokens,
                "codes": self.codes,
            }
            self.file.write_text(json.dumps(kept))

    def add_key(self) -> None:
        """Sign with a new key from now on; the former ones stay published."""
        pem = generate_private_key(65537, 2048).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        self.signing_keys.insert(0, (f"snk_{secrets.token_hex(4)}", pem.decode()))
        self.save()

    def drop_old_keys(self) -> None:
        del self.signing_keys[1:]
        self.save()

    def jwks(self) -> dict[str, Any]:
        keys = []
        for key_id, pem in self.signing_keys:
            jwk = jwt.algorithms.RSAAlgorithm.to_jwk(_private(pem).public_key(), as_dict=True)
            keys.append({**jwk, "use": "sig", "alg": "RS256", "kid": key_id})
        return {"keys": keys}

    def spoilt_jwks(self, mode: str) -> dict[str, Any]:
        """`empty`; `garbage` beside the good keys; `swap`: the same ids, each on another key."""
        good = self.jwks()["keys"]
        if mode == "garbage":
            return {"keys": [{"kty": "RSA"}, 7, None, *good]}
        other = jwt.algorithms.RSAAlgorithm.to_jwk(
            generate_private_key(65537, 2048).public_key(), as_dict=True
        )
        return {"keys": [{**key, "n": other["n"]} for key in good] if mode == "swap" else []}

    def now(self) -> float:
        return time.time() + self.switches.ahead

    def access_token(self, issuer: str, login: dict[str, Any]) -> str:
        now = int(self.now())
        claims = {
            "iss": issuer,
            "sub": login["subject"],
            "aud": [login["client_id"]],
            "client_id": login["client_id"],
            "oid": login["tenant"],
            "sid": login["session"],
            "iat": now,
            "nbf": now,
            "exp": now + self.switches.access_lifetime,
            "jti": f"tkn_{secrets.token_hex(8)}",
            "scope": login["scope"],
            "roles": ["member"],
            "permissions": ["orders:read"],
        } | self.switches.claims
        return self.sign({name: value for name, value in claims.items() if value is not None})

    def id_token(self, issuer: str, login: dict[str, Any]) -> str:
        now = int(self.now())
        claims = {
            "iss": issuer,
            "sub": login["subject"],
            "aud": login["client_id"],
            "iat": now,
            "exp": now + 300,
        }
        if login.get("nonce"):
            claims["nonce"] = login["nonce"]
        return self.sign({**claims, "at_hash": "x"})

    def new_refresh_token(self, login: dict[str, Any]) -> str:
        token = f"rft_{secrets.token_urlsafe(32)}"
        self.refresh_tokens[token] = {"login": login, "spent": None, "next": None}
        self.save()
        return token

    def is_of(self, token: str, client_id: str) -> bool:
        """Whether a refresh token is this client's, or unknown."""
        found = self.refresh_tokens.get(token)
        return found is None or found["login"]["client_id"] == client_id

    def spend(self, token: str) -> dict[str, Any] | None:
        """The login of a refresh token that may be used now, which spends it; None means invalid_grant."""
        found = self.refresh_tokens.get(token)
        if found is None or token in self.counts.revoked:
            return None
        if self.switches.rotation in {"static", "renewing"}:
            return found["login"]
        in_grace = self.switches.rotation == "grace" and self.now() - (found["spent"] or 0) < GRACE_SECONDS
        if found["spent"] is not None and not in_grace:
            self._punish(found["login"])
            return None
        found["spent"] = found["spent"] or self.now()
        self.save()
        return found["login"]

    def _punish(self, login: dict[str, Any]) -> None:
        """Spend what a second presentation ends beside the token itself."""
        by = {"family": "session", "more": "subject"}.get(self.switches.collateral)
        for token in self.refresh_tokens.values():
            if by and token["login"][by] == login[by]:
                token["spent"] = token["spent"] or 1.0
        self.save()

    def shown(self) -> dict[str, Any]:
        return {"switches": asdict(self.switches), "counts": asdict(self.counts)}

    def sign(self, claims: dict[str, Any], header: dict[str, Any] | None = None) -> str:
        key_id, pem = self.signing_keys[0]
        return jwt.encode(claims, _private(pem), algorithm="RS256", headers={"kid": key_id} | (header or {}))


@functools.cache
def _private(pem: str) -> RSAPrivateKey:
    """To load a key is to look at it thoroughly, which takes a hundred times as long as to sign with it."""
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    return key
