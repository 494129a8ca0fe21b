"""The backends among the examples are as `clients/README.md` says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = ROOT / "clients" / "README.md"
LINKS = re.findall(r"\[(\d+)\]\((\S+)\)", README.read_text())


@pytest.mark.parametrize(("count", "program"), LINKS, ids=[program for _, program in LINKS])
def test_a_program_is_as_long_as_is_said(count: str, program: str) -> None:
    lines = (README.parent / program).read_text().splitlines()
    assert sum(line.strip() != "" for line in lines) == int(count)


def test_a_program_by_stubs_and_one_with_the_client_are_there_for_each_language() -> None:
    assert len(LINKS) == 2 * 4


def test_pythons_answer_alike() -> None:
    command = [sys.executable, "tools/check_backends.py", "python"]
    tried = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert tried.returncode == 0, tried.stdout + tried.stderr
