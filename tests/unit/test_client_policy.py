"""What is required of a token, compiled: the same demand is the same, and no other is."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations
from typing import Any

import pytest

from sessiond import Policy, requests
from sessiond.policy import NOTHING, to_policy

DIFFERENT: list[dict[str, Any]] = [
    {},
    {"scopes": ["a"]},
    {"scopes": ["b"]},
    {"scopes": ["a", "b"]},
    {"scopes": ["a b"]},
    {"permissions": ["a"]},
    {"audiences": ["a"]},
    {"issuers": ["a"]},
    {"acr_values": ["a"]},
    {"claims": {"a": ["b"]}},
    {"claims": {"a": ["b", "c"]}},
    {"claims": {"b": ["a"]}},
    {"claims": {"a": ["b"], "c": ["d"]}},
    {"max_auth_age": timedelta(0)},
    {"max_auth_age": timedelta(seconds=1)},
    {"max_auth_age": timedelta(microseconds=1)},
]
SAME: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"scopes": ["a", "b"]}, {"scopes": ("b", "a", "a")}),
    ({"claims": {"a": ["b", "c"], "d": ["e"]}}, {"claims": {"d": ("e",), "a": ["c", "b"]}}),
    ({}, {"scopes": []}),
    ({"max_auth_age": timedelta(minutes=1)}, {"max_auth_age": timedelta(seconds=60)}),
]


@pytest.mark.parametrize(("one", "other"), list(combinations(DIFFERENT, 2)))
def test_another_demand_has_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert Policy(**one).digest != Policy(**other).digest


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_demand_has_the_same_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert Policy(**one).digest == Policy(**other).digest


@pytest.mark.parametrize("given", DIFFERENT)
def test_keywords_are_compiled_once_and_mean_the_same(given: dict[str, Any]) -> None:
    assert to_policy(given) is to_policy(dict(given))
    assert to_policy(given).digest == Policy(**given).digest
    assert to_policy(given).message == requests.validate("t", given).requirements or not given


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'scope': allowed are"):
        Policy(scope=["a"])  # type: ignore[call-arg]


def test_a_call_has_one_policy() -> None:
    with pytest.raises(TypeError, match="a policy and 'scopes' exclude each other"):
        requests.policy_of(Policy(scopes=["a"]), {"scopes": ["a"]})
    assert requests.policy_of(NOTHING, {"certificate_sha256": bytes(32)}) is NOTHING


def test_a_policy_shows_what_it_requires() -> None:
    assert repr(Policy(scopes=["a"])) == "Policy(scopes=['a'])"
