"""The engine by itself: whatever is raised behind it, grpcio gets none of its text to send."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from sessiond_server.domain.address import Address
from sessiond_server.transport.engine.grpcio import GrpcioEngine
from sessiond_server.transport.engine.port import Endpoints

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SECRET = "telling-token"


async def broken(*_: Any) -> bytes:
    raise ValueError(SECRET)


async def broken_stream(*_: Any) -> AsyncIterator[bytes]:
    yield b"first"
    raise ValueError(SECRET)


def broken_refusal(method: str, _credentials: Any) -> None:
    if method == "Refused":
        raise ValueError(SECRET)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    unary = {"Unary": broken, "Refused": broken}
    endpoints = Endpoints("Test", unary=unary, streams={"Stream": broken_stream}, refuse=broken_refusal)
    engine = GrpcioEngine(Address.parse("127.0.0.1:0"), endpoints, with_reflection=False)
    async with grpc.aio.insecure_channel(str(await engine.start())) as opened:
        yield opened
    await engine.stop(grace_seconds=0)


@pytest.mark.parametrize("method", ["Unary", "Refused", "Stream"])
async def test_an_exception_is_a_bare_internal(channel: grpc.aio.Channel, method: str) -> None:
    call = channel.unary_stream(f"/Test/{method}")(b"", timeout=5)
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        async for _ in call:
            pass
    assert failed.value.code() is grpc.StatusCode.INTERNAL
    assert failed.value.details() == "internal error"


async def test_a_unix_socket_is_nobodys_before_it_has_its_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    path, change = tmp_path / "s", Path.chmod
    before: list[int] = []
    after: list[int] = []

    def record(changed: Path, mode: int) -> None:
        before.append(stat.S_IMODE(changed.stat().st_mode))
        change(changed, mode)
        after.append(stat.S_IMODE(changed.stat().st_mode))

    monkeypatch.setattr(Path, "chmod", record)
    endpoints = Endpoints("Test", unary={}, streams={}, refuse=broken_refusal)
    address = Address.parse(f"unix:{path}")
    umask = os.umask(0)
    try:
        engine = GrpcioEngine(address, endpoints, with_reflection=False, socket_mode=0o660)
        await engine.start()
        await engine.stop(grace_seconds=0)
    finally:
        left = os.umask(umask)
    assert [mode & 0o077 for mode in before] == [0]
    assert after == [0o660]
    assert left == 0
