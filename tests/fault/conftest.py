"""What holds for every test of servers in trouble."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Client
from tests.support import agent

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def servers_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the servers that are tested here: unless a test says otherwise, each call of a client is one."""
    for kind in (AsyncClient, Client):
        for name, value in (("cache", None), ("batching", False)):
            monkeypatch.setitem(vars(kind)["__init__"].__kwdefaults__, name, value)


@pytest.fixture(scope="session")
def agent_binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent's program, built once for all workers."""
    own = tmp_path_factory.getbasetemp()
    return agent.build(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)
