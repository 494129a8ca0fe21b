"""The memory of verified tokens is bounded, fair between issuers, and never holds more than it was told."""

from __future__ import annotations

import gc
import json
import tracemalloc
from dataclasses import fields
from typing import Any

import pytest

from sessiond_server.domain.claims import Claims, read_claims
from sessiond_server.domain.confirmation import ClientCertificate, confirmation_by
from sessiond_server.domain.policy import ClaimMapping, IssuerPolicy
from sessiond_server.domain.requirements import NO_REQUIREMENTS, Requirements
from sessiond_server.domain.revocation_ids import revocation_ids_of
from sessiond_server.domain.token import ParsedToken
from sessiond_server.domain.verdict import Rejected
from sessiond_server.service.validation.token_cache import TokenCache, VerifiedToken
from sessiond_server.transport.codec.verdicts import encode_claims
from tests.support.vectors import token_of, validation_of

NOTHING: Any = {field.name: None for field in fields(Claims)}
# Six kilobytes of payload in shapes that take much more in memory than as text.
SHAPES: dict[str, dict[str, Any]] = {
    "arrays": {"x": [[]] * 2000},
    "objects": {"x": {format(number, "x"): {} for number in range(240)}},
    "objects in an array": {"x": [{}] * 2000},
    "numbers": {"x": [300 + number for number in range(1400)]},
    "short texts": {"x": [format(number, "x") for number in range(900)]},
    "a long text": {"x": "a" * 6000},
    "a long text with one wide letter": {"x": "a" * 6000 + "\U0001f600"},
    "scopes": {"scope": " ".join(format(number, "x") for number in range(1400))},
    "audiences": {"aud": ["ab"] * 1200},
    "ways of logging in": {"amr": ["ab"] * 1200},
    "permissions": {"permissions": [format(number, "x") for number in range(1000)]},
    "a wide acr": {"acr": "a" * 6000 + "\U0001f600"},
    "wide ids": dict.fromkeys(("sub", "sid", "client_id", "tenant"), "a" * 250 + "😀"),
    "actors": {"act": {"sub": "a" * 250 + "\U0001f600", "act": {"sub": "b" * 250 + "\U0001f600"}}},
    "a cnf": {"cnf": {"jkt": "a" * 1000, "x": [[]] * 1500}},
}
POLICY = IssuerPolicy(
    "https://issuer.example",
    frozenset({"api"}),
    frozenset({"RS256"}),
    claims=ClaimMapping(tenant="tenant", permissions=("permissions",)),
)


class Named:
    """Stands for a policy or claims where only one attribute counts."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def token(issuer: str = "a") -> VerifiedToken:
    return VerifiedToken(
        Claims(**{**NOTHING, "payload_json": "x" * 100}),
        Named(issuer=issuer),
        Named(),
        Named(),
        encoded=b"y" * 50,
    )


WEIGHT = token().weight


def verified(payload: dict[str, Any]) -> VerifiedToken:
    """A token with this payload, as it is kept once its signature has been found good."""
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    claims = read_claims(ParsedToken("RS256", "k", "at+jwt", json.loads(text), text, b"", b""), POLICY)
    assert not isinstance(claims, Rejected)
    return VerifiedToken(
        claims, POLICY, Named(), revocation_ids_of(claims, POLICY), encoded=encode_claims(claims)
    )


def filled(cache: TokenCache, *names: bytes, issuer: str = "a") -> TokenCache:
    for name in names:
        cache.add(name, token(issuer))
    return cache


def held(cache: TokenCache, names: bytes) -> bytes:
    return bytes(name for name in names if cache.find(bytes([name])) is not None)


def names_of(text: bytes) -> list[bytes]:
    return [bytes([name]) for name in text]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.slow
def test_whatever_tokens_are_made_of_they_take_no_more_memory_than_they_were_given(shape: str) -> None:
    max_bytes = 1 << 18
    cache = TokenCache(max_bytes=max_bytes)
    claims = {"iss": POLICY.issuer, "sub": "s", "aud": "api", "exp": 1, "iat": 0, "client_id": "c"}
    gc.collect()
    tracemalloc.start()
    for number in range(75):
        cache.add(number.to_bytes(32), verified({**claims, "jti": str(number), **SHAPES[shape]}))
    gc.collect()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0 < len(cache) < 75
    assert taken <= max_bytes // 2
    assert taken > cache.bytes / 2


def test_what_was_added_is_found_and_what_was_dropped_is_not() -> None:
    cache = TokenCache(max_bytes=10 * WEIGHT)
    first = token()
    cache.add(b"1", first)
    assert cache.find(b"1") is first
    cache.drop(b"1")
    cache.drop(b"1")
    assert cache.find(b"1") is None
    assert (cache.hits, cache.misses, cache.bytes, len(cache)) == (1, 1, 0, 0)


def test_the_least_recently_used_goes_first() -> None:
    cache = filled(TokenCache(max_bytes=6 * WEIGHT), *names_of(b"123"))
    cache.find(b"1")
    filled(cache, b"4")
    assert held(cache, b"1234") == b"134"
    assert cache.bytes == 3 * WEIGHT


def test_no_issuer_takes_more_than_half() -> None:
    cache = filled(TokenCache(max_bytes=8 * WEIGHT), *names_of(b"12"), issuer="quiet")
    filled(cache, *names_of(b"abcdefgh"), issuer="loud")
    assert held(cache, b"12abcdefgh") == b"12efgh"


def test_all_issuers_together_stay_within_the_bound() -> None:
    cache = TokenCache(max_bytes=4 * WEIGHT)
    for number in range(20):
        filled(cache, bytes([number]), issuer=f"issuer-{number % 5}")
        assert cache.bytes <= 4 * WEIGHT
    assert len(cache) == 4


def test_what_is_larger_than_an_issuers_share_is_not_held() -> None:
    cache = filled(TokenCache(max_bytes=WEIGHT), b"1")
    assert (len(cache), cache.bytes) == (0, 0)


def test_the_same_token_again_is_counted_once() -> None:
    cache = filled(TokenCache(max_bytes=10 * WEIGHT), b"1", b"1")
    assert (len(cache), cache.bytes) == (1, WEIGHT)


@pytest.mark.parametrize(("issuer", "version"), [("b", 1), ("a", 2)])
def test_a_forgery_is_one_under_these_keys_alone(issuer: str, version: int) -> None:
    cache = TokenCache(max_bytes=WEIGHT)
    cache.add_forgery(b"1", issuer="a", key_set_version=1)
    assert cache.is_forgery(b"1", issuer="a", key_set_version=1)
    assert not cache.is_forgery(b"1", issuer=issuer, key_set_version=version)
    assert not cache.is_forgery(b"2", issuer="a", key_set_version=1)


def test_forgeries_are_bounded() -> None:
    cache = TokenCache(max_bytes=WEIGHT)
    for number in range(4097):
        cache.add_forgery(str(number).encode(), issuer="a", key_set_version=1)
    assert not cache.is_forgery(b"0", issuer="a", key_set_version=1)
    assert cache.is_forgery(b"1", issuer="a", key_set_version=1)


async def test_the_payload_of_a_known_token_is_read_only_where_a_claim_is_demanded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certificate = ClientCertificate(bytes(32))
    bound = dict([confirmation_by(certificate)])
    tokens = [token_of({}).encode(), token_of({"claims": {"cnf": bound}}).encode()]
    validation = validation_of({})
    for token in tokens:
        await validation.validate(token, NO_REQUIREMENTS, proof=certificate)
    read: list[str] = []
    monkeypatch.setattr("sessiond_server.domain.claims.json.loads", lambda text: read.append(text) or {})
    for token in tokens:
        result = await validation.validate(token, NO_REQUIREMENTS, proof=certificate)
        assert isinstance(result.verdict, VerifiedToken)
    assert read == []
    await validation.validate(tokens[0], Requirements(claims={"a": ("1",), "b": ("2",)}))
    assert len(read) == 1
