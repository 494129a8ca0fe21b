"""What holds for every test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.support import agent
from tests.support.examples import examples
from tests.support.go_programs import shared_directory

if TYPE_CHECKING:
    from pathlib import Path

# gRPC's core reads this when it is loaded; what it writes by itself is no word of a test.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# How fast examples are found and run is the machine's matter, not the product's; what is found is the same on
# every run.
settings.register_profile(
    "default",
    max_examples=examples(40),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--through-agent", action="store_true", help="put an agent in front of the servers of tests/grpc"
    )


@pytest.fixture(scope="session")
def agent_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's program, built once for all workers of a run; whoever needs it is skipped without Go."""
    if agent.MISSING:
        pytest.skip(agent.MISSING)
    return agent.build(shared_directory(tmp_path_factory))
