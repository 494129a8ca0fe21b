"""The hashed ids of revocations are those that clients compute."""

from __future__ import annotations

from typing import Any

import pytest

from sessiond_server.domain.identifiers import SessionId, hashed_id
from sessiond_server.domain.revocation import RevocationType
from tests.support.vectors import HASHED_IDS


@pytest.mark.parametrize("case", HASHED_IDS, ids=lambda case: str(case["name"]))
def test_an_id_is_hashed_as_the_vector_says(case: dict[str, Any]) -> None:
    assert hashed_id(case["type"], case["issuer"], case["id"]).hex() == case["hashed_id"]


def test_there_is_a_vector_for_every_type() -> None:
    assert {case["type"] for case in HASHED_IDS} == {one.kind for one in RevocationType}


def test_a_session_is_known_by_the_id_that_callers_see() -> None:
    case = next(case for case in HASHED_IDS if case["type"] == "session")
    session = SessionId.find(case["id"])
    assert session is not None
    assert session.hashed.hex() == case["hashed_id"]
