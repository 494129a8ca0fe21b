"""Programs in Go, built once for all workers of a test run."""

from __future__ import annotations

import fcntl
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def shared_directory(factory: pytest.TempPathFactory) -> Path:
    """A directory that the workers of a test run have in common."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def build(directory: Path, name: str, package: str, *, module: Path) -> Path:
    """A package of the module as the program `name`, in a directory that several may share."""
    binary = directory / name
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not binary.exists():
            built = directory / f"{name}.new"
            subprocess.run(["go", "build", "-o", built, package], cwd=module, check=True)
            built.rename(binary)
    return binary
