"""What holds for every test of servers in trouble."""

from __future__ import annotations

import pytest

from sessiond import AsyncClient, Client


@pytest.fixture(autouse=True)
def servers_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the servers that are tested here: unless a test says otherwise, each call of a client is one."""
    for kind in (AsyncClient, Client):
        for name, value in (("cache", None), ("batching", False)):
            monkeypatch.setitem(vars(kind)["__init__"].__kwdefaults__, name, value)
