"""The cases of `tests/vectors`, each by the requirement that it proves."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.app.explain import explain
from sessiond_server.config.settings import IssuerSettings
from sessiond_server.config.token_rules import TokenRules
from sessiond_server.domain.checks import CHECKS_OF_A_CALL, CHECKS_OF_A_TOKEN
from tests.support.fakes import SilentLogger
from tests.support.vectors import (
    DEFAULTS,
    MAX_TOKEN_BYTES,
    NOW,
    SECTIONS,
    cases,
    key_set_of,
    name_of,
    token_of,
    token_of_form,
    verdict_of,
)

# What an explanation is not given: another policy than the settings' own, and what comes with a request.
UNEXPLAINED = {"policy", "proof", "certificate_sha256"}
EXPLAINED = [
    one for one in cases("verdicts") if UNEXPLAINED.isdisjoint(one) and "cnf" not in one.get("claims", {})
]
REQUIREMENTS = Path(__file__).parent.parent.parent / "docs" / "requirements.md"

parse = StrictTokenParser(MAX_TOKEN_BYTES).parse


@pytest.mark.parametrize("case", cases("forms"), ids=name_of)
def test_a_token_is_read_or_refused_as_the_vector_says(case: dict[str, Any]) -> None:
    parsed = parse(token_of_form(case))
    assert (parsed is not None) is case["accepted"]
    for name, value in case.get("expect", {}).items():
        assert getattr(parsed, name) == value


@pytest.mark.parametrize("case", cases("verdicts"), ids=name_of)
async def test_the_verdict_is_the_one_of_the_vector(case: dict[str, Any]) -> None:
    assert await verdict_of(case) == case["reason"]


@pytest.mark.parametrize("case", EXPLAINED, ids=name_of)
async def test_an_explanation_ends_in_the_same_verdict(case: dict[str, Any]) -> None:
    issuer = case.get("claims", {}).get("iss")
    if not isinstance(issuer, str) or issuer not in DEFAULTS["issuers"]:
        issuer = DEFAULTS["claims"]["iss"]
    issuers = [
        IssuerSettings(
            issuer=name,
            audiences=tuple(one["policy"]["audiences"]),
            algorithms=tuple(one["policy"]["algorithms"]),
        )
        for name, one in DEFAULTS["issuers"].items()
    ]
    key_set = json.dumps(key_set_of(issuer, case)).encode()
    rules = TokenRules(tuple(issuers), MAX_TOKEN_BYTES)
    explanation = await explain(
        token_of(case).encode(), rules, key_set=key_set, is_offline=True, now=NOW, logger=SilentLogger()
    )
    assert explanation.verdict == (case["reason"] or "ACCEPTED")
    # The steps are the server's checks, in the server's order, up to one that the rest builds on.
    names = [step.name for step in explanation.steps]
    assert names == [check.name for check in (*CHECKS_OF_A_TOKEN, *CHECKS_OF_A_CALL)][: len(names)]


def test_no_two_cases_have_the_same_name() -> None:
    for group in ("forms", "verdicts"):
        names = Counter(map(name_of, cases(group)))
        assert [name for name, times in names.items() if times > 1] == []


def test_the_page_of_requirements_names_what_is_there() -> None:
    page = REQUIREMENTS.read_text(encoding="utf-8")
    named = set(re.findall(r"`(tests/[\w./-]+)`", page)) | {
        f"tests/vectors/{name}" for name in re.findall(r"`(A\d+-\w+\.json)`", page)
    }
    assert [path for path in named if not (REQUIREMENTS.parent.parent / path).is_file()] == []
    assert {f"tests/vectors/{section}.json" for section in SECTIONS} <= named
