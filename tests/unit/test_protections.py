"""Each protection of a client names lines that are there, once: `make protections` takes them away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.cases import load as load_cases
from tests.conformance.vocabulary import GROUPS
from tools.protections.declared import CLIENTS, LANGUAGES, Line, Protection, load, without

if TYPE_CHECKING:
    from pathlib import Path

PROTECTIONS = [(language, one) for language in LANGUAGES for one in load(language)]
CASES = {str(case) for case in load_cases()}


@pytest.mark.parametrize(
    ("language", "protection"),
    [(language, one) for language, one in PROTECTIONS if not one.absent],
    ids=lambda one: one.name if isinstance(one, Protection) else one,
)
def test_its_lines_are_there_and_can_be_taken_away(language: str, protection: Protection) -> None:
    texts = without(protection, CLIENTS / language)
    assert protection.lines
    assert all(line.new in texts[line.file] for line in protection.lines)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_is_noticed_by_something_that_there_is(language: str) -> None:
    for one in load(language):
        assert bool(one.cases or one.suite or one.tests) != bool(one.absent), one.name
        assert set(one.suite) <= set(GROUPS), one.name
        assert set(one.cases) <= CASES, one.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_client_leaves_one_out_without_a_word(language: str) -> None:
    names = [one.name for one in load(language)]
    assert len(set(names)) == len(names)
    assert set(names) == {one.name for one in load("go")}


def test_each_says_once_why_it_is_needed() -> None:
    assert {language for language, one in PROTECTIONS if one.why} == {"go"}
    assert all(one.why for one in load("go"))


@pytest.mark.parametrize(("count", "text"), [(0, "something else"), (2, "a line, and once more a line")])
def test_a_line_that_is_not_there_once_is_told(tmp_path: Path, count: int, text: str) -> None:
    (tmp_path / "file").write_text(text)
    protection = Protection("name", [Line("file", "a line", "none")])
    with pytest.raises(ValueError, match=f"name: file has 'a line' {count} times"):
        without(protection, tmp_path)
