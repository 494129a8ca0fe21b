"""Checks that a built wheel holds every file of the packages: an ignore rule may leave one out unnoticed."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (ROOT / "server" / "sessiond_server", ROOT / "clients" / "python" / "src" / "sessiond")


def main() -> int:
    """1 where a file is missing, which is printed."""
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", directory]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        (wheel,) = Path(directory).glob("*.whl")
        held = set(zipfile.ZipFile(wheel).namelist())
    missing = sorted(in_packages() - held)
    for name in missing:
        print(f"not in the wheel: {name}", file=sys.stderr)
    return 1 if missing else 0


def in_packages() -> set[str]:
    """The names under which the files of the packages are installed."""
    return {
        str(path.relative_to(package.parent))
        for package in PACKAGES
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


if __name__ == "__main__":
    sys.exit(main())
