"""Each protection of the Go client names a line that is there, once: `make protections` takes them away."""

from __future__ import annotations

import pytest

from tools.check_protections import Protection, load, without

PROTECTIONS = load()


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda one: one.name)
def test_its_line_is_there_and_can_be_taken_away(protection: Protection) -> None:
    assert protection.new in without(protection)
    assert protection.suite or protection.tests


def test_no_two_have_one_name() -> None:
    names = [protection.name for protection in PROTECTIONS]
    assert sorted(names) == sorted(set(names))
