"""The cases that clients must pass over a real server, over the fake: it answers as a server does."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sessiond.testing import FakeSessiond
from tests.conformance.cases import Case, load
from tests.conformance.matching import differences
from tests.conformance.trial import resolved

ROOT = Path(__file__).parents[2]
CASES = [case for case in load() if case.group == "live"]
sys.path.append(str(ROOT / "clients" / "python" / "conformance"))
arguments, outcomes = importlib.import_module("arguments"), importlib.import_module("outcomes")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_fake_answers_as_a_server(case: Case) -> None:
    assert len(CASES) > 20
    found: list[str] = []
    named: dict[str, Any] = {}
    with FakeSessiond() as fake:
        client = fake.client()
        for index, said in enumerate(case.said["steps"]):
            step = resolved(said, named)
            if step.get("server") == "sign":
                named[step["as"]] = {"token": signed(fake, step)}
            elif step["do"] == "new":
                client = fake.client(**arguments.client_arguments({"target": "", **step})[1])
            else:
                result = json.loads(json.dumps(carried_out(client, step)))
                named[step.get("as", "")] = result
                expected = step.get("expect", {"error": {"$absent": True}})
                found += differences(expected, result, f"steps[{index}]")
    assert found == []


def carried_out(client: Any, step: Any) -> Any:
    try:
        name, given, options = arguments.method_of(step)
        result = getattr(client, name)(*given, **options)
        listed = list(result) if step["do"] == "list_sessions" else result
        return outcomes.outcome(listed, reads_claims=step.get("claims") is True)
    except Exception as error:  # noqa: BLE001 - whatever is raised is what the case asks about
        return outcomes.failure(error)


def signed(fake: FakeSessiond, step: Any) -> str:
    now = int(fake.now().timestamp())
    claims = {"jti": "token-1"} | {
        name: now + value["now"] if isinstance(value, dict) and "now" in value else value
        for name, value in step.get("claims", {}).items()
    }
    token = fake.sign(header=step.get("header"), claims=claims)
    return f"{token[:-20]}{'A' * 20}" if step.get("forged") else token
