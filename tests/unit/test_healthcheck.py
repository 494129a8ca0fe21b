"""What asks every few seconds whether a server serves loads what it needs, and nothing else."""

from __future__ import annotations

import subprocess
import sys

import pytest

_ASK = """
import sys
from sessiond_server.cli.main import main
try:
    main(["healthcheck", "--addr", sys.argv[1]])
except SystemExit as ended:
    print(ended.code, *sorted({name.partition(".")[0] for name in sys.modules}))
"""
_DEAR = {
    "aiohttp",
    "cryptography",
    "grpc",
    "jwt",
    "msgspec",
    "opentelemetry",
    "redis",
    "rich",
    "structlog",
    "uvloop",
}


@pytest.mark.parametrize(("address", "needed"), [("http://127.0.0.1:9", set()), ("127.0.0.1:9", {"grpc"})])
def test_a_health_check_loads_the_way_in_that_it_takes(address: str, needed: set[str]) -> None:
    command = [sys.executable, "-c", _ASK, address]
    answer = subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()
    assert "1" in answer
    assert {*answer} & _DEAR == needed
