"""Takes each protection of the Go client away, one at a time, and sees that the tests notice.

`clients/go/conformance/protections.json` names for each the line without which users are not protected, what
stands there instead, and what has to be red then: groups of the suite of conformance, and packages of tests.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CLIENT: Final = Path(__file__).resolve().parent.parent / "clients" / "go"
PROTECTIONS: Final = CLIENT / "conformance" / "protections.json"
# What `python -m tests.conformance` says where a case failed.
_FAILED: Final = 1


@dataclass(frozen=True)
class Protection:
    """The line `old` of a file, in whose place `new` is put; `more` is what the file needs for that."""

    name: str
    why: str
    file: str
    old: str
    new: str
    suite: Sequence[str]
    tests: Sequence[str]
    more: str = ""


def main() -> int:
    """The number of protections that nothing notices to be missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    wanted = parser.parse_args().names
    protections = [one for one in load() if not wanted or one.name in wanted]
    return sum(not is_noticed(one) for one in protections)


def load() -> list[Protection]:
    """All of them."""
    return [Protection(**one) for one in json.loads(PROTECTIONS.read_text())]


def without(protection: Protection) -> str:
    """The text of the file from which a protection is taken.

    Raises:
        ValueError: the line is not there, or not once.
    """
    text = (CLIENT / protection.file).read_text()
    if text.count(protection.old) != 1:
        count = text.count(protection.old)
        raise ValueError(f"{protection.name}: {protection.file} has its line {count} times")
    return text.replace(protection.old, protection.new) + protection.more


def is_noticed(protection: Protection) -> bool:
    """Whether everything that has to be red is red without it."""
    with tempfile.TemporaryDirectory(prefix="protections-") as folder:
        silent = list(silent_without(protection, Path(folder)))
    said = f"NOT NOTICED by {', '.join(silent)}" if silent else "noticed"
    print(f"{protection.name}: {said}", flush=True)
    return not silent


def silent_without(protection: Protection, folder: Path) -> Iterator[str]:
    """What notices nothing, of all that should."""
    changed, overlay, testee = folder / "changed.go", folder / "overlay.json", folder / "testee"
    changed.write_text(without(protection))
    overlay.write_text(json.dumps({"Replace": {str(CLIENT / protection.file): str(changed)}}))
    build = ["go", "build", "-overlay", str(overlay), "-o", str(testee), "./conformance"]
    subprocess.run(build, cwd=CLIENT, check=True)
    for group in protection.suite:
        command = [sys.executable, "-m", "tests.conformance", "--testee", str(testee), "--group", group]
        if (
            subprocess.run(command, cwd=CLIENT.parent.parent, check=False, capture_output=True).returncode
            != _FAILED
        ):
            yield f"the suite's {group}"
    for package in protection.tests:
        command = ["go", "test", "-vet=off", "-count=1", "-overlay", str(overlay), package]
        if subprocess.run(command, cwd=CLIENT, check=False, capture_output=True).returncode == 0:
            yield package


if __name__ == "__main__":
    sys.exit(main())
