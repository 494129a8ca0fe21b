"""Which tests go through an agent, and what differs there: `through_agent.toml` has each with its reason."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER: Final = Path(__file__).parent
OPTION: Final = "--through-agent"
# With these a test starts a server, or has one.
_OF_SERVERS: Final = frozenset({"server", "setting", "keys", "mesh", "cluster"})
# Tests that always go through an agent too.
ALWAYS: Final = frozenset(
    {
        "test_a_key_that_is_revoked_for_good_ends_no_stream",
        "test_a_revocation_is_known_where_it_is_demanded",
        "test_a_revocation_reaches_who_watches",
        "test_a_subject_ends_but_for_one_session",
        "test_every_answer_says_under_which_settings_it_was_given",
        "test_the_main_job",
        "test_what_this_client_ends_is_refused_by_its_next_call",
        "test_who_comes_back_gets_what_it_has_missed_and_nothing_twice",
    }
)


def through_agent(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of this folder that call a server; those that are listed have to fail."""
    own = [item for item in items if item.path.parent == FOLDER]
    others = [item for item in own if not _OF_SERVERS & set(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in others]
    listed = list(_listed())
    for item in own:
        for name, mark in listed:
            if _is_named(item, name):
                item.add_marker(mark)
    _require_all_to_be_tests([name for name, _ in listed], own)


def _listed() -> Iterator[tuple[str, Any]]:
    """Each test that is listed, and what it is marked with."""
    said = tomllib.loads((FOLDER / "through_agent.toml").read_text(encoding="utf-8"))
    for one in said["differences"]:
        for name in one["tests"]:
            yield name, pytest.mark.xfail(reason=one["why"], strict=True)
        for name in one.get("left_out", ()):
            yield name, pytest.mark.skip(reason=one["why"])


def _is_named(item: pytest.Item, name: str) -> bool:
    """Whether it is the test of this name, or one of its rows."""
    found = f"{item.path.stem}::{item.name}"
    return found == name or found.startswith(f"{name}[")


def _require_all_to_be_tests(names: Sequence[str], items: Sequence[pytest.Item]) -> None:
    """Where whole files were collected, each name is that of a test in them."""
    collected = {item.path.stem for item in items}
    for name in names:
        is_here = any(_is_named(item, name) for item in items)
        if name.partition("::")[0] in collected and not is_here:
            raise pytest.UsageError(f"through_agent.toml: found {name!r}, allowed is the name of a test")
