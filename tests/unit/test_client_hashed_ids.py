"""The client hashes ids as the vectors say, and knows what can revoke a session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sessiond.hashed_ids import KINDS, hashed_id, of_key, of_session
from tests.support.vectors import HASHED_IDS
from tests.support.watch_model.facts import ISSUER, Truth
from tests.support.watch_model.simulation import Simulation

FIELDS = {
    "session": "session_id",
    "provider_session": "provider_session_id",
    "token": "token_id",
    "subject": "subject",
    "tenant": "tenant_id",
    "client": "client_id",
}


@pytest.mark.parametrize("case", HASHED_IDS, ids=lambda case: str(case["name"]))
def test_an_id_is_hashed_as_the_vector_says(case: dict[str, Any]) -> None:
    assert hashed_id(case["type"], case["issuer"], case["id"]).hex() == case["hashed_id"]


def test_every_type_of_the_schema_has_a_kind() -> None:
    assert set(KINDS.values()) == {case["type"] for case in HASHED_IDS} == {*FIELDS, "issuer", "key"}


@pytest.mark.parametrize("kind", FIELDS)
def test_a_session_is_revoked_by_each_id_that_it_has(kind: str) -> None:
    truth = Truth(Simulation(1))
    session = truth.token(key=truth.key()).session
    named = replace(session, **{FIELDS[kind]: "x"})
    without = replace(session, **{FIELDS[kind]: ""})
    expected = hashed_id(kind, "" if kind == "session" else ISSUER, "x")
    assert expected in of_session(named)
    assert len(of_session(without)) == len(of_session(named)) - 1
    assert hashed_id("issuer", ISSUER, "") in of_session(without)
    assert of_key(named) == hashed_id("key", ISSUER, named.key_id)
