"""A real Prometheus (Debian's package `prometheus`) that scrapes what runs here."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import pytest
import yaml

from tests.support.valkeys import free_port
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

_PROGRAM: Final = shutil.which("prometheus") or ""
needed: Final = pytest.mark.skipif(not _PROGRAM, reason="prometheus is not here: apt-get install prometheus")


@dataclass
class Prometheus:
    """One that scrapes every second."""

    address: str
    web: aiohttp.ClientSession

    async def values(self, expression: str) -> list[float]:
        """What the series of an expression are now, but for those that are no number."""
        async with self.web.get(
            f"http://{self.address}/api/v1/query", params={"query": expression}
        ) as answer:
            found: dict[str, Any] = await answer.json()
        assert found["status"] == "success", found
        values = [float(one["value"][1]) for one in found["data"]["result"]]
        return [value for value in values if value == value]  # noqa: PLR0124 - NaN is not

    async def scrapes(self, targets: int) -> bool:
        """Whether so many targets answer."""
        try:
            return len(await self.values("up == 1")) == targets
        except aiohttp.ClientError:
            return False


@asynccontextmanager
async def running_prometheus(directory: Path, jobs: Mapping[str, str]) -> AsyncIterator[Prometheus]:
    """One that scrapes the address of each job, once it has done so."""
    scrapes = [
        {"job_name": job, "static_configs": [{"targets": [at], "labels": {"namespace": "auth"}}]}
        for job, at in jobs.items()
    ]
    path, address = directory / "prometheus.yaml", f"127.0.0.1:{free_port()}"
    path.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": scrapes}))
    options = (f"--config.file={path}", f"--storage.tsdb.path={directory / 'tsdb'}")
    with (directory / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            _PROGRAM, *options, f"--web.listen-address={address}", stderr=log
        )
    try:
        async with aiohttp.ClientSession() as web:
            prometheus = Prometheus(address, web)
            await eventually(lambda: prometheus.scrapes(len(jobs)), timeout=30)
            yield prometheus
    finally:
        process.terminate()
        await process.wait()
