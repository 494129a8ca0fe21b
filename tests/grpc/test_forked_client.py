"""The blocking client in a fork's child: nothing of its parent's is repeated, no lock is waited for."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from sessiond.per_process import PerProcess
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.support.watch_server import ScriptedSessiond

FORKED = textwrap.dedent("""
    import os, sys
    from sessiond import Client, Outcome, Session
    client = Client(sys.argv[1], timeout=10)
    client.validate("t")
    while client.numbers.watch_age is None:
        client.validate("u", timeout=5)
    client.validate("t")
    client.validate("t")
    assert client.numbers.hits > 0
    validator = client._connection.get().validator
    validator._lock.acquire()  # as another thread may have it at this very moment
    child = os.fork()
    if child == 0:
        assert client.numbers.hits == 0
        assert isinstance(client.validate("t"), Session)
        assert client.numbers.misses == 1
        assert client._connection.get().validator is not validator
        client.close()
        os._exit(0)
    validator._lock.release()
    _, status = os.waitpid(child, 0)
    client.close()
    sys.exit(os.waitstatus_to_exitcode(status))
""")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
async def test_a_child_begins_anew(scripted: ScriptedSessiond) -> None:
    process = subprocess.Popen([sys.executable, "-c", FORKED, scripted.target])
    await eventually(lambda: process.poll() is not None, timeout=60)
    assert process.returncode == 0


def test_what_the_parent_made_is_left_alone() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    one = PerProcess(make)
    assert [one.get(), one.get()] == [0, 0]
    one.renew()
    assert [one.get(), one.get()] == [1, 1]
    assert one._inherited == [0]
