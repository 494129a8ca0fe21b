"""The runner refuses what is malformed, finds what is wrong, and skips nothing in silence."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.cases import Case, read
from tests.conformance.matching import differences
from tests.conformance.shapes import MalformedCaseError
from tests.conformance.stage import Stage
from tests.conformance.testee import TesteeError
from tests.conformance.trial import differences_of

IMPOSTOR = Path(__file__).parent / "impostor.py"
NEW = {"do": "new"}
ASK = {"do": "validate", "token": "token-alice"}


def impostor(result: Any, *, groups: list[str] | None = None, features: list[str] | None = None) -> str:
    greeting = {"groups": ["errors"] if groups is None else groups, "features": features or []}
    return shlex.join([sys.executable, str(IMPOSTOR), json.dumps(greeting), json.dumps(result)])


def case(*steps: dict[str, Any], **more: Any) -> Case:
    return Case("errors", "a case", {"name": "a case", "steps": [NEW, *steps], **more})


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        (
            {"steps": [{**ASK, "tokn": "t"}]},
            "steps[0].tokn: found 't', allowed is one of the members do, token",
        ),
        ({"steps": [{"do": "validate"}]}, "steps[0].token: found nothing, but it is required"),
        ({"steps": [{"do": "valid", "token": "t"}]}, "steps[0].do: found 'valid', allowed is new, close"),
        (
            {"steps": [{"wait": 1}]},
            "steps[0]: found ['wait'], allowed is exactly one of the members do, server",
        ),
        ({"steps": [{**ASK, "timeout": "1"}]}, "steps[0].timeout: found '1', allowed is a number"),
        ({"steps": [{**ASK, "timeout": True}]}, "steps[0].timeout: found True, allowed is a number"),
        (
            {"steps": [{**ASK, "expect": {"sesion": {}}}]},
            "steps[0].expect.sesion: found 'sesion', allowed is",
        ),
        ({"steps": [NEW, {**ASK, "expect": {"session": {"$is": 1}}}]}, "found '$is', allowed is $absent"),
        ({"steps": [ASK]}, "steps[0].client: found 'main', allowed is one that a step before made"),
        (
            {"steps": [NEW, {"result": "it", "expect": {}}]},
            "steps[1].result: found 'it', allowed is the name of a command",
        ),
        ({"steps": [NEW, {**ASK, "later": True}]}, "steps[1].as: found nothing, but what comes later"),
        ({"steps": [{"server": "stop", "at": "other"}]}, "steps[0].at: found 'other', allowed is one of the"),
        (
            {"replies": {"ValidateTokn": [{"close": True}]}},
            "replies.ValidateTokn: found 'ValidateTokn', allowed",
        ),
        (
            {"replies": {"ValidateToken": []}},
            "replies.ValidateToken: found [], allowed is a list of at least 1",
        ),
        (
            {"replies": {"ValidateToken": [{"answer": {"sesion": {}}}]}},
            "servers.main.replies.ValidateToken[0].answer",
        ),
        ({"replies": {"ValidateToken": [{"status": "UNAVAILBLE"}]}}, "[0].status: found 'UNAVAILBLE'"),
        ({"replies": {"ValidateToken": [{"close": True, "silence": True}]}}, "exactly one of the members"),
        (
            {"replies": {"ValidateToken": [{"hex": "0"}]}},
            "[0].hex: found '0', allowed is bytes in hexadecimal",
        ),
        ({"needs": ["wings"]}, "needs[0]: found 'wings', allowed is cancel"),
        ({"colour": "red"}, "colour: found 'red', allowed is one of the members name, steps"),
    ],
)
def test_a_malformed_case_is_refused_with_file_case_and_field(
    change: dict[str, Any], refused: str, tmp_path: Path
) -> None:
    path = tmp_path / "errors.json"
    said = {"name": "a case", "steps": [NEW], **change}
    path.write_text(json.dumps({"group": "errors", "about": "", "cases": [said]}))
    with pytest.raises(MalformedCaseError) as raised:
        read(path)
    assert "errors.json: case 'a case'" in str(raised.value)
    assert refused in str(raised.value)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("{", "errors.json: this cannot be read: Expecting"),
        ('{"group": {"$text": [["e"]]}}', "errors.json: this cannot be read: not enough values"),
        ('{"group": "errors", "cases": []}', "errors.json.about: found nothing, but it is required"),
        ('{"group": "retries", "about": "", "cases": []}', "errors.json.group: found 'retries', allowed is"),
        ('{"group": "x", "about": "", "cases": []}', "errors.json.group: found 'x', allowed is verdicts"),
    ],
)
def test_a_malformed_file_is_refused(text: str, refused: str, tmp_path: Path) -> None:
    path = tmp_path / "errors.json"
    path.write_text(text)
    with pytest.raises(MalformedCaseError) as raised:
        read(path)
    assert refused in str(raised.value)


def test_two_cases_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "errors.json"
    one = {"name": "a case", "steps": [NEW]}
    path.write_text(json.dumps({"group": "errors", "about": "", "cases": [one, one]}))
    with pytest.raises(MalformedCaseError, match="another case has the same name"):
        read(path)


@pytest.mark.parametrize(
    ("expected", "found", "lines"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": 1}, {"b": 1}, ["at.a: expected 1, found nothing"]),
        ({"a": True}, {"a": 1}, ["at.a: expected true, found 1"]),
        ({"a": None}, {}, ["at.a: expected null, found nothing"]),
        ([1, 2], [1, 3], ["at[1]: expected 2, found 3"]),
        ([1], [1, 2], ["at: expected 1 items, found 2: [1, 2]"]),
        ({"each": {"n": "x$n"}, "count": 2}, [{"n": "x0"}, {"n": "x1"}], []),
        ({"$at_least": 1, "$at_most": 2}, 3, ["at: expected at most 2, found 3"]),
        ({"a": {"$absent": True}}, {"a": None}, []),
        ({"a": {"$absent": True}}, {"a": ""}, ['at.a: expected absent true, found ""']),
        ({"$contains": "b"}, "abc", []),
        ({"$one_of": ["a", "b"]}, "c", ['at: expected one of ["a", "b"], found "c"']),
    ],
)
def test_what_differs_is_named(expected: Any, found: Any, lines: list[str]) -> None:
    assert list(differences(expected, found, "at")) == lines


async def test_a_wrong_result_is_found() -> None:
    wrong = {"session": {"subject": "mallory"}}
    async with Stage(impostor(wrong)) as stage:
        found = await differences_of(case({**ASK, "expect": {"session": {"subject": "alice"}}}), stage)
    assert found == ['steps[1] (validate): result.session.subject: expected "alice", found "mallory"']


async def test_a_call_that_was_not_made_is_found() -> None:
    async with Stage(impostor({"session": {}})) as stage:
        found = await differences_of(case(ASK, calls={"total": 1}), stage)
    assert found == ["calls.total: expected 1, found 0"]


async def test_a_secret_that_shows_is_found_and_not_repeated() -> None:
    async with Stage(impostor({"session": {}, "shown": "Session(token-alice)"})) as stage:
        (found,) = await differences_of(case(ASK), stage)
    assert "shown: 1 of the secrets show" in found
    assert "token-alice" not in found


async def test_an_error_that_nobody_expects_is_found() -> None:
    async with Stage(impostor({"error": {"kind": "internal"}})) as stage:
        (found,) = await differences_of(case(ASK), stage)
    assert 'result.error: expected absent true, found {"kind": "internal"}' in found


async def test_a_testee_that_breaks_the_protocol_fails_the_case_and_is_started_anew() -> None:
    async with Stage(impostor({"id": 99})) as stage:
        for _ in range(2):
            (found,) = await differences_of(case(ASK), stage)
            assert "this is no result of a command" in found


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        (impostor({}, groups=["error"]), "groups: found 'error', allowed are verdicts"),
        (impostor({}, features=["wings"]), "features: found 'wings', allowed are cancel"),
        (shlex.join([sys.executable, "-c", "print('hello')"]), "its first line is not what README.md says"),
        (shlex.join([sys.executable, "-c", "raise SystemExit('no')"]), "its first line is not"),
    ],
)
async def test_a_testee_that_does_not_say_what_it_is_is_refused(command: str, refused: str) -> None:
    async with Stage(command) as stage:
        with pytest.raises(TesteeError) as raised:
            await stage.testee()
    assert refused in str(raised.value)


async def run(*arguments: str) -> tuple[int, str]:
    """The command line: its status, and what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.conformance",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=Path(__file__).parents[2],
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_the_command_line_names_what_failed_and_what_was_skipped() -> None:
    testee = impostor({"cancelled": True})
    status, said = await run("--testee", testee, "--case", "its caller has left", "--case", "cut off")
    assert status == 1
    assert (
        "errors: 2 failed\n  FAILED: details that are cut off are none\n    steps[1] (create_local): " in said
    )
    assert "  skipped: a question is not repeated once its caller has left: the testee does not" in said
    assert "2 failed, 1 skipped in" in said


async def test_where_nothing_was_run_nothing_has_passed() -> None:
    status, said = await run("--testee", impostor({}, groups=[]), "--group", "batches")
    assert status == 2
    assert said.count("skipped: ") == 6


async def test_where_it_is_strict_a_case_that_is_skipped_has_failed_unless_it_is_named() -> None:
    skipping = ("--testee", impostor({}, groups=[]), "--group", "batches", "--strict")
    status, said = await run(*skipping)
    assert (status, said.count("it is skipped: ")) == (1, 6)
    status, said = await run(*skipping, "--may-skip", "each token has a verdict of its own")
    assert (status, said.count("it is skipped: ")) == (1, 5)
    assert "5 failed, 1 skipped in" in said


async def test_a_testee_that_cannot_be_started_is_told() -> None:
    status, said = await run("--testee", "/nowhere/testee")
    assert status == 2
    assert "/nowhere/testee" in said
