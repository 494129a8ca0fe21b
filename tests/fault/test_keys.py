"""Our own keys: rotated under two servers that go on meanwhile, and missed aloud."""

from __future__ import annotations

import json
import shutil
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from sessiond import AsyncClient, Session, UnavailableError
from sessiond_server.adapters.embedded.store import embedded_store
from tests.support.config import Config
from tests.support.fakes import SilentLogger
from tests.support.forked import sessiond
from tests.support.rotators import rotating
from tests.support.server import Server, running, serving
from tests.support.valkeys import HOST, free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sessiond import Tokens

ISSUER = "https://sessions.example"
LOCAL = {"issuer": ISSUER, "preset": "local", "audiences": ["web"], "client_id": "web"}
GROUPS = ["validate", "session", "mint"]


async def rotate(keys: Path, step: str, *more: str) -> None:
    status, said = await sessiond("keys", "rotate", str(keys), "--step", step, *more)
    assert status == 0, said


@dataclass
class Machine:
    """A server with keys of its own, on a store that others use too."""

    config: Config
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    starts: int = 0
    server: Server = field(init=False)
    client: AsyncClient = field(init=False)

    @property
    def keys(self) -> Path:
        return self.config.directory / "keys"

    @property
    def file(self) -> Path:
        return self.config.directory / "sessiond.toml"

    def take_keys(self, origin: Path) -> None:
        """What an operator does: the same files on each machine."""
        shutil.rmtree(self.keys, ignore_errors=True)
        shutil.copytree(origin, self.keys)

    async def restart(self) -> None:
        await self.stop()
        self.starts += 1
        log = self.config.directory / f"log-{self.starts}"
        self.server = await self.stack.enter_async_context(
            serving(self.config.write(), self.config.data, log)
        )
        self.client = await self.stack.enter_async_context(
            AsyncClient(self.server.grpc, timeout=5, cache=None)
        )

    async def stop(self) -> None:
        await self.stack.aclose()

    async def check(self, *more: str) -> tuple[int | None, Any]:
        status, said = await sessiond("keys", "check", "--config", str(self.file), *more, "--json")
        return status, json.loads(said)

    async def metric(self, name: str) -> float:
        async with (
            aiohttp.ClientSession(f"http://{self.server.http}") as web,
            web.get("/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(name)))


@dataclass
class Fleet:
    """Two machines, the keys as their operator has them, and a session that is always in use."""

    one: Machine
    two: Machine
    keys: Path
    tokens: Tokens

    async def both_serve(self) -> None:
        """Each refreshes what the other gave out, and validates it."""
        for machine, other in ((self.one, self.two), (self.two, self.one), (self.one, self.two)):
            self.tokens = await machine.client.refresh(self.tokens.refresh_token)
            for validating in (machine, other):
                verdict = await validating.client.validate(self.tokens.access_token)
                assert isinstance(verdict, Session), verdict

    async def roll(self) -> None:
        """Bring the keys to one machine after the other, which go on meanwhile."""
        for machine in (self.one, self.two):
            machine.take_keys(self.keys)
            await machine.restart()
            await self.both_serve()


@asynccontextmanager
async def fleet(directory: Path) -> AsyncIterator[Fleet]:
    keys = directory / "keys"
    status, said = await sessiond("keys", "new", str(keys))
    assert (status, f'directory = "{keys}"' in said) == (0, True)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(embedded_store(directory / "store", logger=SilentLogger()))
        machines = []
        for name in ("one", "two"):
            (directory / name).mkdir()
            config = Config(directory / name, issuers=[LOCAL])
            config.tables |= {
                "store": {"url": f"unix://{store.socket_path}"},
                "keys": {"directory": str(directory / name / "keys")},
                "server": {"anonymous": GROUPS, "listen": f"{HOST}:{free_port()}"},
            }
            machine = Machine(config)
            machine.take_keys(keys)
            stack.push_async_callback(machine.stop)
            await machine.restart()
            machines.append(machine)
        yield Fleet(*machines, keys, await machines[0].client.create_local_session("alice"))


@pytest.mark.parametrize("kind", ["pepper", "sealing", "signing"])
@pytest.mark.slow
async def test_a_key_is_rotated_while_two_servers_go_on(tmp_path: Path, kind: str) -> None:
    async with fleet(tmp_path) as found:
        idle = await found.one.client.create_local_session("bob")
        await found.both_serve()
        for step in ("add", "use"):
            await rotate(found.keys, step, "--only", kind)
            await found.roll()
        status, report = await found.one.check("--config", str(found.two.file))
        assert (status, report["disagreements"]) == (0, [])
        ours = [one for one in report["configurations"][str(found.one.file)]["keys"] if one["kind"] == kind]
        assert [one["is_in_use"] for one in ours] == [True, False]
        if kind != "signing":
            # Bob's session was made before, and alice's login was sealed once.
            expected = [0, 2] if kind == "sealing" else [1, 1]
            assert [one["needed_by"] for one in ours] == expected
        assert (await found.two.client.refresh(idle.refresh_token)).session.subject == "bob"


@pytest.mark.long
async def test_callers_refresh_while_every_key_is_rotated(tmp_path: Path) -> None:
    """A server that restarts is away for a moment: the other one answers about the same token."""
    async with fleet(tmp_path) as found:
        addresses = [found.one.server.grpc, found.two.server.grpc]
        async with rotating(addresses, sessions=8) as rotations:
            for step in ("add", "use"):
                await rotate(found.keys, step)
                for machine in (found.one, found.two):
                    machine.take_keys(found.keys)
                    await machine.restart()
                    await rotations.go_on()
        # gRPC's own, and ours: nobody is told that a key is missing.
        assert rotations.told.unavailable.keys() <= {"UNAVAILABLE", "CANCELLED", "SHUTTING_DOWN"}
        _, report = await found.one.check()
        (only,) = report["configurations"].values()
        used = {one["kind"]: one["needed_by"] for one in only["keys"] if one["is_in_use"]}
        assert used["pepper"] >= len(rotations.rotators)


@pytest.mark.slow
async def test_an_old_key_that_is_still_needed_is_an_alarm_and_no_loss(tmp_path: Path) -> None:
    async with fleet(tmp_path) as found:
        for kind, reason in (("pepper", "PEPPER_MISSING"), ("sealing", "SEALING_KEY_MISSING")):
            tokens = await found.one.client.create_local_session("bob")
            for step in ("add", "use"):
                await rotate(found.keys, step, "--only", kind)
                await found.roll()
            (old,) = [path for path in found.two.keys.iterdir() if ".old-" in path.name]
            content = old.read_bytes()
            old.unlink()
            await found.two.restart()
            for _ in range(2):
                with pytest.raises(UnavailableError, match=reason):
                    await found.two.client.refresh(tokens.refresh_token)
            assert await found.two.metric(f'sessiond_missing_keys_total{{kind="{kind}"}}') >= 2
            (told,) = await found.two.server.said(
                event="a session needs a key that this server does not have"
            )
            assert (told["level"], told["kind"]) == ("error", kind)
            status, report = await found.two.check("--config", str(found.one.file))
            keys = report["configurations"][str(found.two.file)]["keys"]
            (missing,) = [one for one in keys if not one["file"]]
            assert (status, missing["kind"], missing["id"]) == (1, kind, told["key_id"])
            # Another server has it, and nobody has lost anything.
            tokens = await found.one.client.refresh(tokens.refresh_token)
            old.write_bytes(content)
            old.chmod(0o600)
            await found.two.restart()
            assert (await found.two.client.refresh(tokens.refresh_token)).session.subject == "bob"
            await found.both_serve()
            for path in (old, found.one.keys / old.name, found.keys / old.name):
                path.unlink()


@pytest.mark.slow
async def test_servers_that_do_not_agree_are_told_apart_before_they_run(tmp_path: Path) -> None:
    async with fleet(tmp_path) as found:
        await rotate(found.keys, "add", "--only", "pepper")
        await rotate(found.keys, "use", "--only", "pepper")
        found.one.take_keys(found.keys)
        status, report = await found.one.check("--config", str(found.two.file))
        assert status == 1
        (line,) = report["disagreements"]
        assert line.startswith(f"{found.two.file} lacks the pepper key ")
        status, said = await sessiond(
            "keys", "check", "--config", str(found.one.file), "--config", str(found.two.file)
        )
        assert (status, f"DIFFERS: {line}" in said) == (1, True)


async def test_whoever_has_the_keys_can_tell_whose_an_event_is(tmp_path: Path) -> None:
    async with fleet(tmp_path) as found:
        (told,) = await found.one.server.said(event="audit", action="session.created")
        for step in ("add", "use"):
            await rotate(found.keys, step, "--only", "pepper")
        found.one.take_keys(found.keys)
        status, said = await sessiond("keys", "principal", ISSUER, "alice", "--config", str(found.one.file))
        assert (status, said.splitlines()[1:]) == (0, [told["principal"]])


async def test_so_much_of_the_store_is_looked_at_and_no_more(tmp_path: Path) -> None:
    async with fleet(tmp_path) as found:
        for _ in range(3):
            await found.one.client.create_local_session("bob")
        _, report = await found.one.check("--at-most", "2")
        (only,) = report["configurations"].values()
        assert not only["is_complete"]
        assert sum(one["needed_by"] for one in only["keys"] if one["kind"] == "pepper") == 2


@pytest.mark.slow
async def test_dev_reads_rotated_keys_as_serve_does_and_so_does_whoever_joins_it(tmp_path: Path) -> None:
    data = tmp_path / "d"
    async with running(data, tmp_path / "log-1") as server, AsyncClient(server.grpc, timeout=5) as client:
        tokens = await client.create_local_session("alice")
    await rotate(data, "add")
    await rotate(data, "use")
    async with (
        running(data, tmp_path / "log-2") as server,
        running(data, tmp_path / "log-3", join=True) as joined,
        AsyncClient(server.grpc, timeout=5) as client,
        AsyncClient(joined.grpc, timeout=5) as other,
    ):
        assert isinstance(await client.validate(tokens.access_token), Session)
        tokens = await client.refresh(tokens.refresh_token)
        tokens = await other.refresh(tokens.refresh_token)
        assert isinstance(await client.validate(tokens.access_token), Session)


async def test_a_directory_without_keys_is_a_mistake_and_none_is_made(tmp_path: Path) -> None:
    async with embedded_store(tmp_path / "store", logger=SilentLogger()) as store:
        (tmp_path / "keys").mkdir(mode=0o700)
        config = Config(tmp_path, issuers=[LOCAL])
        config.tables |= {
            "store": {"url": f"unix://{store.socket_path}"},
            "keys": {"directory": str(tmp_path / "keys")},
        }
        status, said = await sessiond("serve", "--config", str(config.write()))
    assert status == 2
    assert [line.split(": ")[1] for line in said.splitlines()] == [
        "keys.directory",
        "keys.directory",
        "issuers[0].signing_key_files",
    ]
    assert not list((tmp_path / "keys").iterdir())
