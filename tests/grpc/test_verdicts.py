"""Every reason for which a token is rejected, over the wire.

The tokens' signatures are right where it matters.
"""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from sessiond import AsyncClient, NextAction, Reason, Rejection, Session
from tests.support.server import CLIENT_ID, ISSUER
from tests.support.signing import ABSENT, Signer

NOW = int(time.time())
UNTESTED = {"UNSPECIFIED"}  # never sent


@dataclass(frozen=True)
class Case:
    """A token, what is required of it, and the reason why it must be rejected; None where it must not be."""

    name: str
    reason: str | None
    text: str | None = None
    header: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    required: dict[str, Any] = field(default_factory=dict)
    challenge: str = "invalid_token"


CASES = [
    Case("good", None),
    Case("empty", "MALFORMED", text=""),
    Case("two dots of nothing", "MALFORMED", text=".."),
    Case("no dots, and no bearer token", "MALFORMED", text="x" * 100 + "$"),
    Case("five parts, and no bearer token", "MALFORMED", text="a.b.c.d.é"),
    Case("white space", "MALFORMED", text="a.b.c "),
    Case("beyond ASCII", "MALFORMED", text="é.ü.🦊"),
    Case("control characters", "MALFORMED", text="a.b.\x00"),
    Case("one byte too large", "TOO_LARGE", text="a" * 8193),
    Case("the largest", "MALFORMED", text="." * 2 + "a" * 8190),
    Case("as much as a message may have", "TOO_LARGE", text="a" * ((1280 << 10) - 4)),
    Case("no algorithm at all", "MALFORMED", text="eyJhbGciOiJub25lIn0.e30."),
    Case("a foreign issuer", "ISSUER_NOT_TRUSTED", claims={"iss": "https://evil.example"}),
    Case("no issuer", "ISSUER_NOT_TRUSTED", claims={"iss": ABSENT}),
    Case("an issuer with a slash more", "ISSUER_NOT_TRUSTED", claims={"iss": ISSUER + "/"}),
    Case(
        "an issuer that is not wanted", "ISSUER_NOT_TRUSTED", required={"issuers": ["https://other.example"]}
    ),
    Case("the wanted issuer", None, required={"issuers": ["https://other.example", ISSUER]}),
    Case("an unknown key", "KEY_UNKNOWN", header={"kid": "nobody's"}),
    Case("no key id", "KEY_UNKNOWN", header={"kid": ABSENT}),
    Case("no type", "TYPE_NOT_ALLOWED", header={"typ": ABSENT}),
    Case("an ID token's type", "TYPE_NOT_ALLOWED", header={"typ": "JWT"}),
    Case("a logout token", "TYPE_NOT_ALLOWED", header={"typ": "logout+jwt"}),
    Case("the type as a media type", None, header={"typ": "application/at+jwt"}),
    *(
        Case(f"without {name}", "CLAIM_MISSING", claims={name: ABSENT})
        for name in ("sub", "aud", "exp", "iat", "jti", "client_id")
    ),
    Case("a subject that is a number", "CLAIM_INVALID", claims={"sub": "a" * 256}),
    Case("an audience that is a number", "CLAIM_INVALID", claims={"aud": [CLIENT_ID, 7]}),
    Case("a foreign session id", "CLAIM_INVALID", claims={"sid": "ses_1"}),
    Case("a lifetime of a year", "CLAIM_INVALID", claims={"exp": NOW + 366 * 86400}),
    Case("expired", "EXPIRED", claims={"exp": NOW - 1, "iat": NOW - 300}, challenge="expired"),
    Case("not valid yet", "NOT_YET_VALID", claims={"nbf": NOW + 3600}),
    Case("issued in the future", "NOT_YET_VALID", claims={"iat": NOW + 3600, "exp": NOW + 3900}),
    Case("a foreign audience", "AUDIENCE_MISMATCH", claims={"aud": "another-app"}),
    Case("an audience that is not wanted", "AUDIENCE_MISMATCH", required={"audiences": ["another-app"]}),
    Case("one of several audiences", None, claims={"aud": ["x", CLIENT_ID]}),
    Case("the wanted audience", None, claims={"aud": "x"}, required={"audiences": ["x", "y"]}),
    Case("bound to a certificate", "BINDING_MISMATCH", claims={"cnf": {"x5t#S256": "A" * 43}}),
    Case("bound to a key", "BINDING_MISMATCH", claims={"cnf": {"jkt": "A" * 43}}),
    Case("bound to nothing that is known", "BINDING_MISMATCH", claims={"cnf": {"new": "thing"}}),
    Case("no scope", "SCOPE_INSUFFICIENT", required={"scopes": ["a"]}, challenge='scope="a"'),
    Case(
        "one scope of two",
        "SCOPE_INSUFFICIENT",
        claims={"scope": "a"},
        required={"scopes": ["a", "b"]},
        challenge='insufficient_scope", error_description="the token lacks a required scope", scope="a b"',
    ),
    Case(
        "the scope as a part of another",
        "SCOPE_INSUFFICIENT",
        claims={"scope": "ab"},
        required={"scopes": ["a"]},
        challenge="insufficient_scope",
    ),
    Case("both scopes", None, claims={"scope": "b a"}, required={"scopes": ["a", "b"]}),
    Case(
        "no permission",
        "SCOPE_INSUFFICIENT",
        required={"permissions": ["p"]},
        challenge="insufficient_scope",
    ),
    Case("the permission", None, claims={"permissions": ["q", "p"]}, required={"permissions": ["p"]}),
    Case(
        "another claim",
        "SCOPE_INSUFFICIENT",
        claims={"plan": "iron"},
        required={"claims": {"plan": ["gold"]}},
        challenge="insufficient_scope",
    ),
    Case(
        "one of the claim's values",
        None,
        claims={"plan": "gold"},
        required={"claims": {"plan": ["gold", "iron"]}},
    ),
    Case(
        "a claim that is true",
        "SCOPE_INSUFFICIENT",
        claims={"plan": True},
        required={"claims": {"plan": ["true"]}},
        challenge="insufficient_scope",
    ),
    Case(
        "too weak a login",
        "STEP_UP_REQUIRED",
        claims={"acr": "1"},
        required={"acr_values": ["2", "3"]},
        challenge='insufficient_user_authentication", '
        'error_description="the user must prove who they are by stronger means", '
        'acr_values="2 3"',
    ),
    Case(
        "a login of unknown strength",
        "STEP_UP_REQUIRED",
        required={"acr_values": ["2"]},
        challenge='acr_values="2"',
    ),
    Case("a strong login", None, claims={"acr": "3"}, required={"acr_values": ["2", "3"]}),
    Case(
        "too old a login",
        "STEP_UP_REQUIRED",
        claims={"auth_time": NOW - 4000},
        required={"max_auth_age": timedelta(hours=1)},
        challenge='max_age="3600"',
    ),
    Case(
        "a login of unknown age",
        "STEP_UP_REQUIRED",
        required={"max_auth_age": timedelta(days=9999)},
        challenge="max_age",
    ),
    Case(
        "a recent login",
        None,
        claims={"auth_time": NOW - 4000},
        required={"max_auth_age": timedelta(hours=9)},
    ),
    Case(
        "no scope and too weak a login",
        "SCOPE_INSUFFICIENT",
        required={"scopes": ["a"], "acr_values": ["2"]},
        challenge="insufficient_scope",
    ),
]
NEXT = {
    NextAction.REFRESH: {"EXPIRED"},
    NextAction.DENY: {
        "AUDIENCE_MISMATCH",
        "SCOPE_INSUFFICIENT",
        "BINDING_MISMATCH",
        "TYPE_NOT_ALLOWED",
        "ALGORITHM_NOT_ALLOWED",
        "ISSUER_NOT_TRUSTED",
    },
    NextAction.STEP_UP: {"STEP_UP_REQUIRED"},
}


def next_action(reason: str) -> NextAction:
    return next((action for action, reasons in NEXT.items() if reason in reasons), NextAction.REAUTHENTICATE)


def check(verdict: object, reason: str | None, challenge: str = "invalid_token") -> None:
    if reason is None:
        assert isinstance(verdict, Session)
        return
    assert isinstance(verdict, Rejection)
    assert verdict.reason == reason
    assert verdict.next_action == next_action(reason)
    assert verdict.www_authenticate.startswith(('Bearer error="', 'DPoP error="'))
    assert challenge in verdict.www_authenticate


@pytest.mark.parametrize(
    "token",
    [
        "ory_at_7cVZ.kq3-Xw_1",
        "00uP~t+k/n==",
        "sdr1_abc",
        "a.b.c.d",
        "eyJhbGciOiJkaXIifQ..aXY.Y3Q.dGFn",
        "x" * 8192,
    ],
)
async def test_a_token_that_only_its_provider_can_read_makes_no_login_loop(
    client: AsyncClient, token: str
) -> None:
    verdict = await client.validate(token)
    assert isinstance(verdict, Rejection)
    assert (verdict.reason, verdict.next_action) == (Reason.MALFORMED, NextAction.DENY)
    assert "have its provider issue access tokens as JWTs" in verdict.message
    assert token not in verdict.message


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_verdict(client: AsyncClient, signer: Signer, case: Case) -> None:
    token = signer.token(case.header, **case.claims) if case.text is None else case.text
    check(await client.validate(token, **case.required), case.reason, case.challenge)
    # The second time the answer comes from memory, and is the same.
    check(await client.validate(token, **case.required), case.reason, case.challenge)


async def test_another_signature(client: AsyncClient, signer: Signer) -> None:
    signed, _, signature = signer.token().rpartition(".")
    other = signer.token(sub="bob").rpartition(".")[2]
    for forged in (f"{signed}.{other}", f"{signed}.{signature[:-4]}AAAA", f"{signed}."):
        verdict = await client.validate(forged)
        assert isinstance(verdict, Rejection)
        assert verdict.reason in {Reason.SIGNATURE_INVALID, Reason.MALFORMED}
    check(await client.validate(f"{signed}.{other}"), "SIGNATURE_INVALID")


async def test_another_key_under_the_same_name(client: AsyncClient, signer: Signer) -> None:
    thief = Signer(ec.generate_private_key(ec.SECP256R1()), signer.key_id)
    check(await client.validate(thief.token()), "SIGNATURE_INVALID")


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "PS256", "ES384", "EdDSA"])
async def test_an_algorithm_that_is_not_the_issuers(
    client: AsyncClient, signer: Signer, algorithm: str
) -> None:
    _, payload, signature = signer.token().split(".")
    header = f'{{"alg":"{algorithm}","typ":"at+jwt","kid":"{signer.key_id}"}}'
    encoded = base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode()
    check(await client.validate(f"{encoded}.{payload}.{signature}"), "ALGORITHM_NOT_ALLOWED")


async def test_a_revoked_token(client: AsyncClient) -> None:
    tokens = await client.create_local_session("revoked")
    await client.revoke_access_token(tokens.access_token)
    check(await client.validate(tokens.access_token), "REVOKED")
    # The first reason that applies counts: revocation comes before what is required, the audience before
    # revocation.
    check(await client.validate(tokens.access_token, scopes=["a"]), "REVOKED")
    check(await client.validate(tokens.access_token, audiences=["x"]), "AUDIENCE_MISMATCH")


async def test_a_verdict_for_one_audience_is_not_served_for_another(
    client: AsyncClient, signer: Signer
) -> None:
    """RFC9700-2.3: also where the token has been verified before."""
    token = signer.token(jti="for-one-audience")
    for _ in range(2):
        assert isinstance(await client.validate(token), Session)
        check(await client.validate(token, audiences=["another"]), "AUDIENCE_MISMATCH")


async def test_an_acceptance_is_not_repeated_beyond_the_age_of_the_login(
    client: AsyncClient, signer: Signer
) -> None:
    token = signer.token(auth_time=time.time() - 3600)
    session = await client.validate(token, max_auth_age=timedelta(seconds=3600.5))
    assert isinstance(session, Session)
    assert session.cache_for is not None
    assert session.cache_for <= timedelta(seconds=0.5)


async def test_many_tokens_get_each_its_own_verdict_in_their_order(
    client: AsyncClient, signer: Signer
) -> None:
    revoked = await client.create_local_session("revoked")
    await client.revoke_access_token(revoked.access_token)
    cases = [case for case in CASES if not case.required and len(case.text or "") < 10_000]
    tokens = [signer.token(case.header, **case.claims) if case.text is None else case.text for case in cases]
    *verdicts, last = await client.validate_all([*tokens, revoked.access_token])
    for case, verdict in zip(cases, verdicts, strict=True):
        check(verdict, case.reason, case.challenge)
    check(last, "REVOKED")


async def test_many_tokens_share_their_requirements(client: AsyncClient, signer: Signer) -> None:
    tokens = [signer.token(scope="a", sub=f"user-{n}") for n in range(100)] + [signer.token(scope="b")]
    *accepted, rejected = await client.validate_all(tokens, scopes=["a"])
    assert [verdict.subject for verdict in accepted if isinstance(verdict, Session)] == [
        f"user-{n}" for n in range(100)
    ]
    check(rejected, "SCOPE_INSUFFICIENT", "insufficient_scope")


def test_every_reason_is_provoked_here() -> None:
    provoked = {case.reason for case in CASES} | {"SIGNATURE_INVALID", "ALGORITHM_NOT_ALLOWED", "REVOKED"} - {
        None
    }
    assert {reason.value for reason in Reason} - UNTESTED <= provoked


async def test_an_acceptance_is_not_repeated_beyond_the_expiry(client: AsyncClient, signer: Signer) -> None:
    session = await client.validate(signer.token(exp=time.time() + 0.5))
    assert isinstance(session, Session)
    assert session.cache_for is None or session.cache_for <= timedelta(seconds=0.5)
