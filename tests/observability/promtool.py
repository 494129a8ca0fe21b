"""Prometheus' own tool, where it is here (Debian's package `prometheus`)."""

from __future__ import annotations

import shutil
import subprocess
from typing import Final

import pytest

_PROGRAM: Final = shutil.which("promtool") or ""
needed: Final = pytest.mark.skipif(not _PROGRAM, reason="promtool is not here: apt-get install prometheus")


def run(*arguments: str, given: str = "") -> tuple[int, str]:
    """Run it; its status, and all that it says."""
    done = subprocess.run(
        [_PROGRAM, *arguments], input=given.encode(), stdout=-1, stderr=subprocess.STDOUT, check=False
    )
    return done.returncode, done.stdout.decode()
