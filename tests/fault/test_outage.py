"""An issuer that is away for longer than its keys may serve: `make outage` runs it and shows each verdict."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from sessiond import AsyncClient, Session, UnavailableError
from tests.support.config import Config, scalekit
from tests.support.idp import running_idp
from tests.support.server import serving

if TYPE_CHECKING:
    from pathlib import Path

MAX_STALE_SECONDS = 60
# A verdict is asked for this often; the issuer is asked again at most 30 s after the last failure.
STEP_SECONDS = 5
LATEST_RETURN_SECONDS = 40


async def verdict(client: AsyncClient, token: str) -> str:
    try:
        answer = await client.validate(token)
    except UnavailableError as error:
        return error.reason
    return "accepted" if isinstance(answer, Session) else answer.reason.name


async def verdicts(
    client: AsyncClient, tokens: dict[str, str], *, seconds: float
) -> list[tuple[float, dict[str, str]]]:
    """The verdicts on each token, asked for again and again for so long, with the seconds since the start."""
    clock = asyncio.get_running_loop().time
    start, seen = clock(), []
    while clock() - start < seconds:
        at = clock() - start
        seen.append((at, {name: await verdict(client, token) for name, token in tokens.items()}))
        sys.stderr.write(f"  {at:5.1f} s  {seen[-1][1]}\n")
        await asyncio.sleep(STEP_SECONDS)
    return seen


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_known_keys_serve_for_max_stale_and_then_nobody_can_say(tmp_path: Path) -> None:
    async with running_idp(tmp_path / "idp.json") as idp:
        await idp.switch(access_lifetime=3600)
        issuer = scalekit(idp.issuer, tmp_path, max_stale=f"{MAX_STALE_SECONDS}s", tenants=["org_1"])
        own = {"issuer": "https://own.example", "preset": "local", "audiences": ["own"]}
        config = Config(tmp_path, issuers=[issuer, own])
        config.tables["server"] = {"anonymous": ["validate", "mint"]}
        async with (
            serving(config.write(), config.data, tmp_path / "log") as server,
            AsyncClient(server.grpc, timeout=5) as client,
        ):
            ours = (await client.create_local_session("alice")).access_token
            known, unseen = [(await idp.login())["access_token"] for _ in range(2)]
            tokens = {"known": known, "ours": ours}
            assert await verdict(client, known) == "accepted"
            sys.stderr.write("\nthe issuer is stopped\n")
            await idp.stop()
            away = await verdicts(client, tokens, seconds=MAX_STALE_SECONDS + 3 * STEP_SECONDS)
            for at, said in away:
                assert said["ours"] == "accepted"
                if at < MAX_STALE_SECONDS - 2 * STEP_SECONDS:
                    assert said["known"] == "accepted"
                elif at > MAX_STALE_SECONDS:
                    assert said["known"] == "KEYS_UNAVAILABLE"
            assert await verdict(client, unseen) == "KEYS_UNAVAILABLE"
            sys.stderr.write("the issuer is started\n")
            await idp.start()
            back = await verdicts(client, tokens | {"unseen": unseen}, seconds=LATEST_RETURN_SECONDS)
            assert set(back[-1][1].values()) == {"accepted"}
