"""What is built of settings together."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from sessiond_server.adapters.system_clock import SystemClock
from sessiond_server.app.build import build
from sessiond_server.app.revocation_services import failover_of
from sessiond_server.app.secrets import load_secrets
from sessiond_server.config.reader import read_file
from sessiond_server.config.settings import Settings, StoreSettings
from sessiond_server.service.revocation.primacy import Failover
from tests.support.config import Config
from tests.support.fakes import SilentLogger, SilentTelemetry

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_stores_clock_may_differ_by_the_smallest_clock_skew_of_all_issuers(tmp_path: Path) -> None:
    """What one issuer's tokens allow is too much for another's."""
    tmp_path.chmod(0o700)
    skews = {"https://a.example": "5s", "https://b.example": "1s", "https://c.example": "30s"}
    config = Config(
        tmp_path,
        issuers=[
            {"issuer": issuer, "audiences": ["a"], "clock_skew": skew} for issuer, skew in skews.items()
        ],
    )
    settings = read_file(config.write(), environment={}, insecure_plaintext=False)
    clock, logger = SystemClock(), SilentLogger()
    async with AsyncExitStack() as stack:
        app = await build(
            settings,
            load_secrets(settings, directory=tmp_path, logger=logger),
            store_url="redis://127.0.0.1:1",
            stack=stack,
            telemetry=SilentTelemetry(),
            logger=logger,
        )
        for ahead, is_too_far in ((0.9, False), (1.1, True)):
            app.clocks.compare(0, round((clock.now() + ahead) * 1000), sent=clock.steady())
            assert (app.clocks.excess_seconds is not None) is is_too_far


def replicated(**store: Any) -> Settings:
    return Settings(store=StoreSettings(url="redis://127.0.0.1:1", **store))


def test_who_has_replicas_acknowledge_what_is_released_has_them_for_a_failover() -> None:
    assert failover_of(replicated()) is Failover.AUTO
    assert failover_of(replicated(durability="replicated")) is Failover.ALWAYS
    assert failover_of(replicated(durability="replicated", failover="never")) is Failover.NEVER
