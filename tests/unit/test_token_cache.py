"""The memory of verified tokens is bounded, fair between issuers, and never holds more than it was told."""

from __future__ import annotations

from typing import Any

import pytest

from sessiond_server.service.validation.token_cache import TokenCache, VerifiedToken

WEIGHT = 3000 + 2 * 100 + 50


class Named:
    """Stands for a policy or claims where only one attribute counts."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


def token(issuer: str = "a") -> VerifiedToken:
    return VerifiedToken(
        Named(payload_json="x" * 100), Named(issuer=issuer), Named(), Named(), encoded=b"y" * 50
    )


def filled(cache: TokenCache, *names: bytes, issuer: str = "a") -> TokenCache:
    for name in names:
        cache.add(name, token(issuer))
    return cache


def held(cache: TokenCache, names: bytes) -> bytes:
    return bytes(name for name in names if cache.find(bytes([name])) is not None)


def names_of(text: bytes) -> list[bytes]:
    return [bytes([name]) for name in text]


def test_a_token_weighs_what_it_holds() -> None:
    assert token().weight == WEIGHT


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
