"""The page that says what happens to a refresh token, the tests that show it, and the script that does it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sessiond_server.adapters.store.scripts.prelude import texts

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
# The server decides these by itself, and what stands before every such script the last.
WITHOUT_THE_SCRIPT = {"not-authentic", "not-the-callers", "unknown-pepper", "late"}


def rows() -> list[str]:
    return re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs" / "rotation.md").read_text(), re.MULTILINE)


def named_by_tests() -> Iterator[str]:
    """What stands in `@pytest.mark.row(…)` before a test."""
    for path in [
        *(ROOT / "tests" / "store").rglob("test_*.py"),
        *(ROOT / "tests" / "unit").glob("test_*.py"),
    ]:
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name.startswith(
                "test_"
            ):
                for mark in function.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.row":
                        yield from (ast.literal_eval(row) for row in mark.args)


def test_every_row_has_a_test_that_names_it() -> None:
    assert rows()
    assert set(rows()) == set(named_by_tests())


def test_no_row_is_there_twice() -> None:
    assert len(set(rows())) == len(rows())


def test_the_script_names_the_rows_that_it_decides() -> None:
    decided = re.findall(r"-- ([a-z]+(?:-[a-z]+)*)$", texts()["rotate"], re.MULTILINE)
    assert set(decided) == set(rows()) - WITHOUT_THE_SCRIPT
