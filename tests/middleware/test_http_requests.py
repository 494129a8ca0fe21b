"""What gets through, and with which token and proof."""

import hashlib
from typing import Any

import pytest

from sessiond import FULLY_CONSISTENT, DpopProof, NextAction, Reason, Rejection
from tests.support.middleware.backends import ORDERS
from tests.support.middleware.validators import Scripted, session

BEARER = [("Authorization", "Bearer a.b.c")]
EXPIRED = Rejection(Reason.EXPIRED, "-", NextAction.REFRESH, "Bearer x")
TRUSTED = "https://app.example"


async def test_a_request_with_a_good_token_gets_through_with_its_session(backend: Any) -> None:
    asked = Scripted()
    answer = await backend(asked, consistency=FULLY_CONSISTENT)([("authorization", "bearer  a.b.c")])
    assert (answer.status, answer.body) == (200, b"for alice")
    assert asked.tokens == ["a.b.c", "handler"]
    assert asked.policies[0].scopes == tuple(sorted(ORDERS))
    assert asked.options == [{"consistency": FULLY_CONSISTENT}]


async def test_the_session_of_one_request_is_not_that_of_the_next(backend: Any) -> None:
    ask = backend(Scripted())
    assert (await ask(BEARER)).body == b"for alice"
    assert (await ask([], path="/feed")).body == b"for nobody"


async def test_a_token_is_taken_from_no_query(backend: Any) -> None:
    asked = Scripted()
    answer = await backend(asked)([], query=b"access_token=a.b.c")
    assert (answer.status, asked.tokens) == (401, [])


@pytest.mark.parametrize(
    ("headers", "gives", "status", "body"),
    [
        ([], None, 200, b"for nobody"),
        ([("Authorization", "Basic dTpw")], None, 200, b"for nobody"),
        (BEARER, None, 200, b"for alice"),
        (BEARER, EXPIRED, 401, None),
        ([*BEARER, *BEARER], None, 400, None),
        ([("Authorization", "Bearer")], None, 400, None),
    ],
)
async def test_an_optional_route_lets_nobody_through_with_a_bad_token(
    backend: Any, headers: Any, gives: Any, status: Any, body: Any
) -> None:
    answer = await backend(Scripted(gives))(headers, path="/feed")
    assert answer.status == status
    assert body in {None, answer.body}


async def test_what_is_public_needs_no_token_and_looks_at_none(backend: Any) -> None:
    asked = Scripted(EXPIRED)
    answer = await backend(asked)(BEARER, path="/health")
    assert (answer.status, answer.body) == (200, b"for nobody")
    assert asked.tokens == ["handler"]


@pytest.mark.parametrize("path", ["/any", "/no-such-thing"])
async def test_what_nobody_thought_of_needs_a_good_token(backend: Any, path: Any) -> None:
    asked = Scripted(EXPIRED)
    for headers in ([], BEARER):
        answer = await backend(asked)(headers, path=path)
        # Django looks for a view first: where there is none, there is nothing to reach.
        assert answer.status in {401, 404} if path != "/any" else answer.status == 401
    assert "handler" not in asked.tokens


COOKIE = ("Cookie", "theme=dark; __Host-session=from.a.cookie")


@pytest.mark.parametrize(
    ("headers", "gives", "status", "tokens"),
    [
        ([COOKIE], None, 200, ["from.a.cookie", "handler"]),
        ([COOKIE, ("Authorization", "Basic dTpw")], None, 200, ["from.a.cookie", "handler"]),
        ([COOKIE, *BEARER], None, 200, ["a.b.c", "handler"]),
        ([COOKIE, *BEARER], EXPIRED, 401, ["a.b.c"]),
        ([COOKIE, ("Authorization", "Bearer")], None, 400, []),
        ([("Cookie", "__Host-session=a; __Host-session=b")], None, 400, []),
        ([("Cookie", "theme=dark")], None, 401, []),
        ([("Cookie", "__Host-session=")], None, 401, []),
    ],
)
async def test_a_cookie_counts_where_there_is_no_token_in_the_header(
    backend: Any, headers: Any, gives: Any, status: Any, tokens: Any
) -> None:
    asked = Scripted(gives)
    answer = await backend(asked, cookie="__Host-session")(headers)
    assert (answer.status, asked.tokens) == (status, tokens)


async def test_no_cookie_counts_unless_it_is_named(backend: Any) -> None:
    assert (await backend(Scripted())([COOKIE])).status == 401


@pytest.mark.parametrize(
    ("method", "site", "origin", "upgrade", "status"),
    [
        ("GET", "cross-site", "", "", 200),
        ("HEAD", "cross-site", "", "", 200),
        ("OPTIONS", "cross-site", "", "", 200),
        ("TRACE", "cross-site", "", "", 403),
        ("GET", "cross-site", "", "WebSocket", 403),
        ("GET", "same-origin", "", "websocket", 200),
        ("GET", "", "https://evil.example", "websocket", 403),
        ("GET", "", "", "h2c, websocket", 403),
        ("POST", "same-origin", "", "", 200),
        ("POST", "none", "", "", 200),
        ("POST", "same-site", "", "", 403),
        ("POST", "cross-site", "", "", 403),
        ("POST", "anything", "", "", 403),
        ("POST", "same-site", "https://api.example", "", 403),
        ("POST", "cross-site", TRUSTED, "", 200),
        ("POST", "same-origin", "https://evil.example", "", 200),
        ("POST", "", "https://api.example", "", 200),
        ("POST", "", "https://API.example", "", 200),
        ("POST", "", "https://api.example:8443", "", 403),
        ("POST", "", "https://evil.example", "", 403),
        ("POST", "", TRUSTED, "", 200),
        ("POST", "", "http://app.example", "", 403),
        ("POST", "", "null", "", 403),
        ("POST", "", "https://[", "", 403),
        ("POST", "", "", "", 403),
        ("PUT", "", "", "", 403),
        ("DELETE", "cross-site", "", "", 403),
        ("PATCH", "same-origin", "", "", 200),
    ],
)
async def test_a_request_that_another_site_caused_is_denied(
    backend: Any, method: Any, site: Any, origin: Any, upgrade: Any, status: Any
) -> None:
    told = {"Sec-Fetch-Site": site, "Origin": origin, "Upgrade": upgrade}
    headers = [("Cookie", "session=a"), *((name, value) for name, value in told.items() if value)]
    asked = Scripted()
    answer = await backend(asked, cookie="session", trusted_origins=[TRUSTED])(headers, method)
    assert answer.status == status
    assert (b"CROSS_SITE" in answer.body) == (status == 403)
    assert asked.tokens == ([] if status == 403 else ["a", "handler"])


async def test_only_a_cookie_can_be_sent_by_another_site(backend: Any) -> None:
    header = [*BEARER, ("Sec-Fetch-Site", "cross-site")]
    assert (await backend(Scripted(), cookie="session")(header, "POST")).status == 200
    allowing = backend(Scripted(), cookie="session", allow_missing_origin=True)
    assert (await allowing([("Cookie", "session=a")], "POST")).status == 200
    twice = [("Cookie", "session=a"), ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")]
    assert (await allowing(twice, "POST")).status == 403


BOUND = session(claims_json='{"cnf": {"jkt": "thumbprint"}}')
UNBOUND = session(claims_json='{"CNF": {"JKT": "x"}, "cnf": {"x5t#S256": "y"}}')
PROOF = DpopProof("p.r.f", "POST", "https://public.example/orders")
ORIGIN = {"dpop_origin": "https://public.example"}


@pytest.mark.parametrize(
    ("options", "gives", "scheme", "proofs", "status", "given"),
    [
        (ORIGIN, BOUND, "DPoP", ["p.r.f"], 200, [{"dpop": PROOF}]),
        (ORIGIN, UNBOUND, "DPoP", ["p.r.f"], 401, [{"dpop": PROOF}]),
        (ORIGIN, BOUND, "DPoP", [], 200, [{}]),  # the server rejects it
        (ORIGIN, BOUND, "DPoP", ["p", "q"], 400, []),
        (ORIGIN, BOUND, "DPoP", ["p,q"], 400, []),
        (ORIGIN, UNBOUND, "Bearer", ["p.r.f"], 200, [{}]),
        ({}, BOUND, "DPoP", ["p.r.f"], 200, [{}]),  # the server rejects it
        ({}, UNBOUND, "DPoP", ["p.r.f"], 401, [{}]),
        (ORIGIN, session(claims_json="["), "DPoP", ["p.r.f"], 500, [{"dpop": PROOF}]),
    ],
)
async def test_a_dpop_proof_goes_with_its_request_as_clients_know_it(
    backend: Any, options: Any, gives: Any, scheme: Any, proofs: Any, status: Any, given: Any
) -> None:
    asked = Scripted(gives)
    headers = [("Authorization", f"{scheme} a.b.c"), *(("DPoP", proof) for proof in proofs)]
    answer = await backend(asked, **options)(headers, "POST", query=b"x=y")
    assert (answer.status, asked.options) == (status, given)


async def test_challenges_tell_that_proofs_are_taken(backend: Any) -> None:
    answer = await backend(Scripted(), **ORIGIN)([])
    told = ", ".join(answer.values("www-authenticate"))
    assert told == 'Bearer scope="orders:read orders:write", DPoP scope="orders:read orders:write"'


async def test_a_client_certificate_is_a_proof(backend: Any) -> None:
    asked = Scripted()
    for shown in (b"der", None):
        await backend(asked, certificate=lambda request, shown=shown: shown)(BEARER)
    assert asked.options == [{"certificate_sha256": hashlib.sha256(b"der").digest()}, {}]
