"""`sessiond sessions` and `sessiond revocations`, as whoever operates a server uses them."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from sessiond import Device, Session
from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.identifiers import hashed_id
from tests.support.config import key_file
from tests.support.forked import sessiond
from tests.support.server import ISSUER, Server

if TYPE_CHECKING:
    from pathlib import Path

    from sessiond import AsyncClient

# Whoever runs the tests in the background has them ignore what Ctrl-C sends.
INTERRUPTIBLE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from sessiond_server.cli.main import main
main()
"""


def user() -> str:
    """Tests share a server: each has users of its own."""
    return f"user-{uuid.uuid4()}"


async def test_sessions_are_listed_shown_and_ended(server: Server, client: AsyncClient) -> None:
    name, at = user(), server.at
    device = Device(label="Pixel 9")
    first, second = [
        await client.create_local_session(name, client_id="app", device=device) for _ in range(2)
    ]
    status, said = await sessiond("sessions", "list", ISSUER, name, "--json", *at)
    listed = json.loads(said)
    ids = [first.session.session_id, second.session.session_id]
    assert (status, sorted(one["session_id"] for one in listed)) == (0, sorted(ids))
    assert {one["subject"] for one in listed} == {name}
    status, said = await sessiond("sessions", "list", ISSUER, name, *at)
    assert (status, said.count("Pixel 9"), ids[0] in said) == (0, 2, True)
    status, said = await sessiond("sessions", "list", ISSUER, name, "--limit", "1", "--json", *at)
    assert (status, len(json.loads(said))) == (0, 1)
    status, said = await sessiond("sessions", "show", ids[0], "--json", *at)
    shown = json.loads(said)
    assert (status, shown["session_id"], shown["device"]) == (0, ids[0], {"label": "Pixel 9"})
    assert shown["create_time"].endswith("+00:00")
    status, said = await sessiond("sessions", "show", ids[0], *at)
    assert (status, "absolute_expire_time" in said) == (0, True)
    assert await sessiond("sessions", "revoke", ids[0], *at) == (0, "revoked: 1 live session ended\n")
    assert not isinstance(await client.validate(first.access_token), Session)
    assert await sessiond("sessions", "revoke", ids[0], *at) == (0, "revoked: 0 live sessions ended\n")
    status, said = await sessiond("sessions", "show", ids[0], *at)
    assert (status, "NOT_FOUND SESSION_NOT_FOUND" in said) == (1, True)


async def test_a_subject_ends_but_for_one_session(server: Server, client: AsyncClient) -> None:
    name, at = user(), server.at
    kept, other = [await client.create_local_session(name) for _ in range(2)]
    spared = kept.session.session_id
    status, said = await sessiond(
        "sessions", "revoke", "--subject", ISSUER, name, "--except", spared, "--json", *at
    )
    assert (status, json.loads(said)["sessions_ended"]) == (0, 1)
    assert isinstance(await client.validate(kept.access_token), Session)
    assert not isinstance(await client.validate(other.access_token), Session)
    assert (await sessiond("sessions", "list", ISSUER, user(), *at)) == (0, "no live sessions\n")


@pytest.mark.parametrize(
    ("option", "login"), [("--tenant", {"tenant_id": "t"}), ("--client", {"client_id": "c"})]
)
async def test_what_many_share_ends_only_where_somebody_says_yes(
    server: Server, client: AsyncClient, option: str, login: dict[str, str]
) -> None:
    shared, at = f"shared-{uuid.uuid4()}", server.at
    tokens = await client.create_local_session(user(), **dict.fromkeys(login, shared))
    command = ("sessions", "revoke", option, ISSUER, shared, *at)
    status, said = await sessiond(*command)
    assert (status, "Say so with --yes" in said) == (2, True)
    assert isinstance(await client.validate(tokens.access_token), Session)
    kind = option.removeprefix("--")
    told = f"revoked: the {kind}; how many sessions that ended is not counted\n"
    assert await sessiond(*command, "--yes") == (0, told)
    assert not isinstance(await client.validate(tokens.access_token), Session)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("sds_1", "--issuer", "i"),
        ("--tenant", "i", "t", "--client", "i", "c"),
        ("sds_1", "--except", "sds_2"),
        ("sds_1", "--cause", "whim"),
    ],
)
async def test_a_target_has_to_be_one_and_clear(server: Server, arguments: tuple[str, ...]) -> None:
    status, said = await sessiond("sessions", "revoke", *arguments, *server.at)
    assert (status, "Error: " in said) == (2, True)


async def test_what_cannot_be_asked_is_one_line(server: Server, tmp_path: Path) -> None:
    key_file(tmp_path / "key")
    for more, status, says in [
        (("--addr", server.grpc, "--key-file", str(tmp_path / "none")), 2, "No such file or directory"),
        (("--addr", "sessiond.example:1", "--key-file", str(tmp_path / "key")), 2, "sent in clear"),
        (("--addr", "127.0.0.1:9"), 1, "UNAVAILABLE"),
        (("--addr", server.grpc, "--key-file", str(tmp_path / "key")), 1, "CALLER_UNKNOWN"),
    ]:
        found, said = await sessiond("sessions", "show", "sds_" + 22 * "A", *more)
        assert (found, said.count("\n"), says in said) == (status, 1, True), said


async def test_the_status_of_revocations_is_told(server: Server, client: AsyncClient) -> None:
    tokens = await client.create_local_session(user())
    await client.revoke_session(tokens.session.session_id)
    status, said = await sessiond("revocations", "status", "--json", *server.at)
    told = json.loads(said)
    (partition,) = told["partitions"]
    assert (status, partition["partition"], partition["behind"]) == (0, 0, 0)
    assert partition["read"] >= 1
    assert 0 <= partition["age"] < told["max_staleness"] == 1.0
    assert (partition["resync_time"], partition["resync_reason"]) == (None, "")
    assert told["revocations"] >= 1
    status, said = await sessiond("revocations", "status", *server.at)
    assert (status, "never" in said, told["server"] in said) == (0, True, True)


@pytest.mark.parametrize("as_json", [True, False])
async def test_revocations_are_shown_as_they_come(
    server: Server, client: AsyncClient, *, as_json: bool
) -> None:
    tokens = await client.create_local_session(user())
    hashed = hashed_id("session", "", tokens.session.session_id)
    shown = to_base64url(hashed) if as_json else hashed.hex()
    arguments = (
        "revocations",
        "tail",
        *(("--json", "--heartbeats") if as_json else ()),
        *server.at,
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", INTERRUPTIBLE, *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        first = (await process.stdout.readline()).decode()
        assert json.loads(first)["event"] == "started" if as_json else "watching" in first
        await client.revoke_session(tokens.session.session_id)
        async with asyncio.timeout(10):
            while shown not in (line := (await process.stdout.readline()).decode()):
                assert line
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
