"""What a real server with everything configured shows of itself, before anything happens and after."""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import TYPE_CHECKING

import aiohttp
import pytest

from sessiond_server.adapters.telemetry.merged import GAUGES
from tests.observability import promtool
from tests.observability.everything import TELLING, running_everything
from tests.support.local_issuer import on_store
from tests.support.server import serving
from tests.support.valkeys import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.observability.everything import Everything

MAX_SERIES = 1500


STARTED = (
    'grpc_server_started_total{grpc_method="ValidateToken",grpc_service="sessiond.v1.SessionService",'
    'grpc_type="unary"}'
)


def handled(
    method: str, code: str, *, service: str = "sessiond.v1.SessionService", kind: str = "unary"
) -> str:
    """The series of the calls of a method that have ended with a code."""
    labels = {"grpc_code": code, "grpc_method": method, "grpc_service": service, "grpc_type": kind}
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items())
    return f"grpc_server_handled_total{{{inside}}}"


@pytest.fixture(scope="module")
async def everything(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Everything]:
    async with running_everything(tmp_path_factory.mktemp("e")) as everything:
        yield everything


@pytest.fixture(scope="module")
async def born(everything: Everything) -> dict[str, float]:
    """The series of a server to which nobody has come yet."""
    return await everything.series()


@pytest.fixture(scope="module")
async def lived(everything: Everything, born: dict[str, float]) -> dict[str, float]:  # noqa: ARG001 - comes before
    """Those of one to which everybody has come."""
    await everything.live()
    return await everything.series()


def test_there_are_no_more_series_than_a_prometheus_wants(lived: dict[str, float]) -> None:
    assert len(lived) <= MAX_SERIES


def test_no_series_is_born_by_what_happens(born: dict[str, float], lived: dict[str, float]) -> None:
    """But of callers, whose refusals are in no alert: `grpc_server_handled_total` has them from the start."""
    later = [name for name in lived.keys() - born.keys() if not name.startswith("sessiond_calls_total{")]
    assert later == []


async def test_of_every_number_it_is_known_what_it_is_of_several_workers(everything: Everything) -> None:
    types = re.findall(r"^# TYPE (\S+) gauge$", await everything.metrics(), re.MULTILINE)
    assert set(types) <= set(GAUGES)
    # What the parent of workers shows, and what is there where a store or a server has a certificate.
    elsewhere = {name for name in GAUGES if "certificate" in name or "_workers" in name}
    assert set(GAUGES) - set(types) <= elsewhere


def test_every_call_that_has_ended_has_begun(lived: dict[str, float]) -> None:
    def total(name: str) -> float:
        return sum(value for series, value in lived.items() if series.startswith(f"grpc_server_{name}_total"))

    assert total("started") == total("handled") > 0


def test_callers_of_the_settings_are_there_from_the_start(born: dict[str, float]) -> None:
    for caller, code in (
        ("web", "OK"),
        ("orders", "OK"),
        ("anonymous", "OK"),
        ("unknown", "PERMISSION_DENIED"),
    ):
        assert born[f'sessiond_calls_total{{caller="{caller}",code="{code}",method="ValidateToken"}}'] == 0
    assert 'sessiond_calls_total{caller="orders",code="OK",method="CreateSession"}' not in born


async def test_no_word_of_a_stranger_is_a_label(everything: Everything, lived: dict[str, float]) -> None:
    assert lived
    assert TELLING not in await everything.metrics()


@pytest.mark.parametrize(
    "series",
    [
        STARTED,
        handled("ValidateToken", "OK"),
        handled("RefreshSession", "PermissionDenied"),
        handled("WatchRevocations", "Canceled", kind="server_stream"),
        handled("Check", "OK", service="grpc.health.v1.Health"),
        handled("Check", "NotFound", service="grpc.health.v1.Health"),
        'sessiond_verdicts_total{method="ValidateToken",verdict="REVOKED"}',
        'sessiond_verdicts_total{method="ValidateTokens",verdict="MALFORMED"}',
        'sessiond_refreshes_total{outcome="REPLAYED"}',
        'sessiond_refreshes_total{outcome="REFRESH_TOKEN_INVALID"}',
        'sessiond_sessions_created_total{source="local_login"}',
        'sessiond_sessions_created_total{source="provider_login"}',
        'sessiond_sessions_ended_total{cause="LOGOUT"}',
        'sessiond_watch_events_total{event="Started"}',
        'sessiond_workload_tokens_total{issuer="unknown",outcome="ISSUER_NOT_TRUSTED"}',
    ],
)
def test_it_counts(born: dict[str, float], lived: dict[str, float], series: str) -> None:
    assert born[series] == 0
    assert lived[series] > 0


@pytest.mark.parametrize(
    "series",
    [
        "sessiond_ready",
        "sessiond_revocation_max_staleness_seconds",
        "process_resident_memory_bytes",
        "sessiond_token_cache_misses_total",
    ],
)
def test_it_shows(lived: dict[str, float], series: str) -> None:
    assert lived[series] > 0


async def test_it_shows_how_old_the_keys_of_an_issuer_may_be(
    everything: Everything, lived: dict[str, float]
) -> None:
    issuer = f'{{issuer="{everything.idp.issuer}"}}'
    assert (
        0
        <= lived[f"sessiond_key_set_age_seconds{issuer}"]
        < lived[f"sessiond_key_set_max_stale_seconds{issuer}"]
    )
    assert lived['sessiond_key_set_age_seconds{issuer="https://login.example"}'] == -1


async def test_every_name_is_followed_by_its_own_help_and_type_alone(everything: Everything) -> None:
    text = await everything.metrics()
    names = re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE)
    assert len(names) == len(set(names))
    assert names == re.findall(r"^# HELP (\S+) ", text, re.MULTILINE)


@promtool.needed
async def test_promtool_finds_nothing_wrong(everything: Everything) -> None:
    text = await everything.metrics()
    assert await asyncio.to_thread(promtool.run, "check", "metrics", given=text) == (0, "")


async def test_open_metrics_and_gzip_come_over_http(everything: Everything) -> None:
    accept = "application/openmetrics-text;version=1.0.0"
    assert (await everything.metrics(Accept=accept)).endswith("# EOF\n")
    async with (
        aiohttp.ClientSession(auto_decompress=False) as web,
        web.get(f"http://{everything.server.http}/metrics") as answer,
    ):
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert b"sessiond_ready" in gzip.decompress(await answer.read())


async def test_a_server_without_its_store_shows_that_it_is_not_ready(tmp_path: Path) -> None:
    config = on_store(tmp_path, f"redis://127.0.0.1:{free_port()}")
    http = f"127.0.0.1:{free_port()}"
    config.tables["server"] = config.tables.get("server", {}) | {"http": http}
    config.caller("web", ["validate"])
    waiting = "waiting for the store"
    async with serving(config.write(), config.data, tmp_path / "log", until=waiting) as server:
        server.http = http
        _, lines = await server.page("/metrics")
        assert "sessiond_ready 0.0" in lines
        assert 'sessiond_store_errors_total{kind="timeout",script="pin_partitions"} 0.0' in lines
        failed = 'sessiond_store_errors_total{kind="connection",script="pin_partitions"} '
        assert any(line.startswith(failed) and not line.endswith(" 0.0") for line in lines)
