"""ID tokens that come with a login (OpenID Connect Core 1.0 §2, §3.1.3.7); each is really signed."""

from __future__ import annotations

from typing import Any

import pytest

from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.service.validation.id_tokens import IdTokens
from tests.support.fakes import FakeClock
from tests.support.vectors import DEFAULTS, MAX_TOKEN_BYTES, NOW, token_of, trusted_of

ISSUER: str = DEFAULTS["claims"]["iss"]
HOUR = 3600


async def is_good(
    *, header: dict[str, Any] | None = None, policy: dict[str, Any] | None = None, **claims: Any
) -> bool:
    """Whether an ID token is that is good but for what is given; `...` takes a member away."""
    given = {"header": {"typ": "JWT"} | (header or {}), "claims": {"aud": "app", "nonce": "n"} | claims}
    without = [
        f"{part}.{name}" for part, values in given.items() for name, value in values.items() if value is ...
    ]
    case = given | {"without": ["claims.jti", "claims.client_id", *without], "policy": policy or {}}
    tokens = IdTokens(
        [trusted_of(ISSUER, case)], parser=StrictTokenParser(MAX_TOKEN_BYTES), clock=FakeClock(NOW)
    )
    return await tokens.is_for(token_of(case), issuer=ISSUER, client_id="app", subject="alice", nonce="n")


async def test_an_id_token_is_good() -> None:
    assert await is_good()
    assert await is_good(header={"typ": ...})
    assert await is_good(nbf=NOW, token_use="id", typ="ID", azp="app")


@pytest.mark.parametrize("typ", ["at+jwt", "logout+jwt", "secevent+jwt", "dpop+jwt", "id+jwt", ""])
async def test_a_type_of_its_own_makes_it_another_token(typ: str) -> None:
    """RFC8725-3.12."""
    assert not await is_good(header={"typ": typ})


@pytest.mark.parametrize(
    "betraying",
    [
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
        {"events": None},
        {"token_use": "access"},
        {"typ": "Bearer"},
        {"typ": "Logout"},
    ],
    ids=str,
)
async def test_what_it_says_can_make_it_another_token(betraying: dict[str, Any]) -> None:
    """RFC8725-3.12; BCL-2.4."""
    assert not await is_good(**betraying)


@pytest.mark.parametrize(
    ("times", "is_current"),
    [
        ({"iat": ...}, False),
        ({"iat": str(NOW)}, False),
        ({"iat": NOW + 2}, True),
        ({"iat": NOW + 3}, False),
        ({"iat": NOW + 3, "nbf": NOW}, False),
        ({"nbf": NOW + 2}, True),
        ({"nbf": NOW + 3}, False),
        ({"nbf": None}, False),
        ({"exp": ...}, False),
        ({"exp": NOW - 30, "iat": NOW - 60}, False),
        ({"exp": NOW - 29, "iat": NOW - 60}, True),
        ({"exp": NOW, "iat": NOW}, False),
        ({"exp": NOW + 24 * HOUR}, True),
        ({"exp": NOW + 24 * HOUR + 1}, False),
        ({"exp": NOW + 10, "iat": NOW - 24 * HOUR}, False),
    ],
    ids=str,
)
async def test_its_times_are_those_of_a_login_of_now(times: dict[str, Any], *, is_current: bool) -> None:
    """OIDC-Core-2, OIDC-Core-3.1.3.7."""
    assert await is_good(**times) is is_current


@pytest.mark.parametrize(("max_lifetime", "is_current"), [(48 * HOUR, True), (300, False)])
async def test_it_may_live_as_long_as_an_access_token_where_that_is_longer(
    max_lifetime: int, *, is_current: bool
) -> None:
    policy = {"max_lifetime_seconds": max_lifetime}
    assert await is_good(policy=policy, exp=NOW + 48 * HOUR) is is_current
    assert await is_good(policy=policy, exp=NOW + 10 * HOUR)


@pytest.mark.parametrize(
    "wrong",
    [{"sub": "bob"}, {"aud": "other"}, {"aud": ["other"]}, {"azp": "other"}, {"nonce": "m"}, {"nonce": ...}],
    ids=str,
)
async def test_it_is_of_this_login(wrong: dict[str, Any]) -> None:
    assert not await is_good(**wrong)
