"""Ory Hydra's introspection (RFC 7662), which resource servers ask about opaque tokens.

They are its own tokens, in a database in its memory: no answer of a database elsewhere is waited for.
"""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import aiohttp

from bench.h2load import Target
from bench.processes import CommandError, environment, output, pinned, running, server_core
from bench.servers import Peer
from bench.side_by_side.alternative import PEERS, SECONDS_TO_START, Alternative
from bench.wire import FRAME_BYTES
from tests.support.valkeys import HOST, free_port
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from bench.servers import Sessiond

_PROGRAM: Final = "hydra"
_PACKAGE: Final = "github.com/ory/hydra/v2"
_INTROSPECT: Final = "/admin/oauth2/introspect"
_FORM: Final = ("content-type: application/x-www-form-urlencoded",)
# Hundreds of packages are compiled the first time.
_SECONDS_TO_BUILD: Final = 900


async def _install(built: Path) -> None:
    build = ("go", "-C", str(PEERS / "hydra"), "build", "-tags=sqlite", "-trimpath", "-ldflags=-s -w")
    await output(*build, "-o", str(built / _PROGRAM), _PACKAGE, seconds=_SECONDS_TO_BUILD)


@asynccontextmanager
async def _run(built: Path, _server: Sessiond) -> AsyncIterator[Peer]:
    public, admin = free_port(), free_port()
    # `--dev` lets it speak plain HTTP, as the others do.
    command = pinned(server_core(), str(built / _PROGRAM), "serve", "all", "--dev")
    env = {**environment(), **_settings(public, admin)}
    with (built / "hydra.log").open("wb") as log:
        async with running(*command, env=env, stderr=log) as process, _client() as client:
            await eventually(lambda: _is_ready(process, client, admin), timeout=SECONDS_TO_START)
            token = await _token(client, public, admin)
            body = built / "hydra.body"
            body.write_text(urlencode({"token": token}))
            size = await _checked(client, admin, token)
            target = Target(
                f"{HOST}:{admin}", body, size - FRAME_BYTES, _INTROSPECT, headers=_FORM, is_http1=True
            )
            yield Peer(process.pid, target)


def _client() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(raise_for_status=True)


def _settings(public: int, admin: int) -> dict[str, str]:
    return {
        "DSN": "memory",
        "SECRETS_SYSTEM": secrets.token_hex(),
        "SERVE_PUBLIC_HOST": HOST,
        "SERVE_PUBLIC_PORT": f"{public}",
        "SERVE_ADMIN_HOST": HOST,
        "SERVE_ADMIN_PORT": f"{admin}",
        "URLS_SELF_ISSUER": f"http://{HOST}:{public}",
        # It would tell its makers how it is used.
        "SQA_OPT_OUT": "true",
    }


async def _is_ready(process: Process, client: aiohttp.ClientSession, admin: int) -> bool:
    """Whether it serves by now.

    Raises:
        CommandError: it has ended.
    """
    if process.returncode is not None:
        raise CommandError(f"Hydra ended with {process.returncode}")
    try:
        async with client.get(f"http://{HOST}:{admin}/health/ready"):
            return True
    except aiohttp.ClientError:
        return False


async def _token(client: aiohttp.ClientSession, public: int, admin: int) -> str:
    """An access token of a new OAuth client, by its own credentials."""
    known = {"client_id": "bench", "client_secret": secrets.token_hex()}
    registration = {
        **known,
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_post",
    }
    async with client.post(f"http://{HOST}:{admin}/admin/clients", json=registration):
        pass
    form = {**known, "grant_type": "client_credentials"}
    async with client.post(f"http://{HOST}:{public}/oauth2/token", data=form) as answer:
        token: str = (await answer.json())["access_token"]
        return token


async def _checked(client: aiohttp.ClientSession, admin: int, token: str) -> int:
    """How many bytes it answers with, whose token is active.

    Raises:
        CommandError: it is not, or it is with other characters too.
    """
    good, size = await _introspected(client, admin, token)
    forged, _ = await _introspected(client, admin, token[:-1] + ("A" if token[-1] != "A" else "E"))
    if forged["active"] or not good["active"]:
        raise CommandError(
            f"Hydra says of its token {good['active']}, and of a forged one {forged['active']}"
        )
    return size


async def _introspected(
    client: aiohttp.ClientSession, admin: int, token: str
) -> tuple[Mapping[str, Any], int]:
    async with client.post(f"http://{HOST}:{admin}{_INTROSPECT}", data={"token": token}) as answer:
        return await answer.json(), len(await answer.read())


HYDRA = Alternative(
    "Ory Hydra",
    {"Ory Hydra's introspection": _run},
    tools=("go",),
    packages="apt-get install golang",
    install=_install,
)
