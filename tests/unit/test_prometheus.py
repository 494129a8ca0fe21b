"""Every event of the port of telemetry is shown to Prometheus."""

from __future__ import annotations

import asyncio
import gzip
import inspect
import platform
import re

import pytest

from sessiond_server import __version__
from sessiond_server.adapters.telemetry.counters import COUNTED
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.transport.engine.port import StatusCode

SHOWN = {
    "methods_served": (("s", {"N": "unary"}), ()),
    "foresee": (("token_refreshed", [("ROTATED",)]), ()),
    "call_began": (("M",), ("grpc_server_started_total",)),
    "call_ended": (
        ("M", "OK", "c", 0.1),
        ("sessiond_calls_total", "grpc_server_handled_total", "grpc_server_handling_seconds_count"),
    ),
    "session_created": (("adoption",), ("sessiond_sessions_created_total",)),
    "sessions_ended": (("LOGOUT", 1), ("sessiond_sessions_ended_total",)),
    "store_failed": (("rotate", "timeout"), ("sessiond_store_errors_total",)),
    "counter": (("number_total", "A number", lambda: 1.0), ("sessiond_number_total",)),
    "verdicts_given": (("M", "ACCEPTED", 1), ("sessiond_verdicts_total",)),
    "token_refreshed": (("ROTATED",), ("sessiond_refreshes_total",)),
    "rotation_contradicted": (("i", "kept"), ("sessiond_rotation_contradictions_total",)),
    "refresh_life_unread": (("i",), ("sessiond_unread_refresh_lives_total",)),
    "scopes_widened": (("i",), ("sessiond_scopes_widened_total",)),
    "exchange_tried": (("i", "granted"), ("sessiond_exchanges_total",)),
    "exchanged_ahead": (("i", "granted"), ("sessiond_exchanges_ahead_total",)),
    "provider_erred": (("i", "invalid_client"), ("sessiond_provider_errors_total",)),
    "log_resynced": (("DIVERGED",), ("sessiond_revocation_resyncs_total",)),
    "store_regressed": ((), ("sessiond_revocation_regressions_total",)),
    "revocations_reasserted": ((1,), ("sessiond_revocation_reassertions_total",)),
    "store_run_changed": ((), ("sessiond_store_run_changes_total",)),
    "embedded_store_died": ((), ("sessiond_embedded_store_deaths_total",)),
    "key_set_fetched": (("i", "ok"), ("sessiond_key_set_fetches_total",)),
    "workload_token_judged": (("i", "ACCEPTED"), ("sessiond_workload_tokens_total",)),
    "key_missing": (("pepper",), ("sessiond_missing_keys_total",)),
    "store_called": (("rotate", 0.1), ("sessiond_store_seconds_count",)),
    "loop_delayed": ((0.1,), ("sessiond_event_loop_delay_seconds_count",)),
    "stood_still": ((1.5,), ("sessiond_standstills_total",)),
    "rate_limited": (("refresh", "session"), ("sessiond_rate_limited_total",)),
    "work_failed": (("w",), ("sessiond_background_failures_total",)),
    "http_refused": (("SLOW",), ("sessiond_http_refused_total",)),
    "watch_event_sent": (("Freshness",), ("sessiond_watch_events_total",)),
    "watch_ended": (("WATCH_FELL_BEHIND",), ("sessiond_watches_ended_total",)),
    "gauge": (("number", "A number", lambda: 1.0), ("sessiond_number",)),
}


async def shown(telemetry: PrometheusTelemetry) -> str:
    return (await telemetry.expose()).body.decode()


async def series(telemetry: PrometheusTelemetry) -> set[str]:
    """The names of what has the value 1."""
    lines = (await shown(telemetry)).splitlines()
    return {line.split("{")[0].split(" ")[0] for line in lines if line.endswith(" 1.0")}


def counting_calls_of_m() -> PrometheusTelemetry:
    telemetry = PrometheusTelemetry()
    telemetry.methods_served("S", {"M": "unary"})
    return telemetry


@pytest.mark.parametrize("event", SHOWN)
async def test_an_event_is_shown(event: str) -> None:
    telemetry, (said, names) = counting_calls_of_m(), SHOWN[event]
    getattr(telemetry, event)(*said)
    assert await series(telemetry) >= set(names)


def test_every_event_is_tried() -> None:
    events = {name for name, _ in inspect.getmembers(Telemetry, inspect.isfunction) if name[0] != "_"}
    assert set(SHOWN) == events


@pytest.mark.parametrize("event", [*COUNTED, "store_called"])
async def test_what_is_foreseen_is_shown_before_it_happens(event: str) -> None:
    """An alert on an increase does not see a series that begins with 1."""
    telemetry = PrometheusTelemetry()
    if event in COUNTED and not COUNTED[event].labels:
        assert f"\n{COUNTED[event].name} 0.0\n" in await shown(telemetry)
        return
    many = len(COUNTED[event].labels) if event in COUNTED else 1
    telemetry.foresee(event, [("foreseen",) * many])
    (line,) = [
        line for line in (await shown(telemetry)).splitlines() if "foreseen" in line and "_bucket" not in line
    ][:1]
    assert line.endswith(" 0.0")


async def test_words_that_never_change_are_foreseen_without_being_told() -> None:
    text = await shown(PrometheusTelemetry())
    for one in (
        'sessiond_sessions_ended_total{cause="REUSE"} 0.0',
        'sessiond_sessions_created_total{source="adoption"} 0.0',
        'sessiond_missing_keys_total{kind="pepper"} 0.0',
        'sessiond_revocation_resyncs_total{why="DIVERGED"} 0.0',
        'sessiond_http_refused_total{cause="FULL"} 0.0',
    ):
        assert f"\n{one}\n" in text


async def test_calls_have_the_names_that_dashboards_of_grpc_know() -> None:
    telemetry = counting_calls_of_m()
    method = 'grpc_method="M",grpc_service="S",grpc_type="unary"'
    before = await shown(telemetry)
    for code in StatusCode:
        telemetry.call_began("M")
        telemetry.call_ended("M", code.name, "c", 0.003)
    text = await shown(telemetry)
    for code in StatusCode:
        spelled = {"OK": "OK", "CANCELLED": "Canceled"}.get(code.name, code.name.title().replace("_", ""))
        one = f'grpc_server_handled_total{{grpc_code="{spelled}",{method}}}'
        assert f"{one} 0.0" in before
        assert f"{one} 1.0" in text
    assert f"grpc_server_started_total{{{method}}} {len(StatusCode)}.0" in text
    bucket = re.escape(f"grpc_server_handling_seconds_bucket{{{method}")
    counts = dict(re.findall(rf'^{bucket},le="(.+?)"}} (\S+)$', text, re.MULTILINE))
    assert (counts["0.0025"], counts["0.005"]) == ("0.0", f"{len(StatusCode)}.0")


async def test_a_number_may_be_one_of_each_issuer() -> None:
    telemetry = PrometheusTelemetry()
    for issuer in ("a", "b"):
        telemetry.gauge("age", "An age", lambda: 1.0, issuer=issuer)
        telemetry.counter("ids_total", "Some ids", lambda: 2.0, issuer=issuer)
    text = await shown(telemetry)
    for issuer in ("a", "b"):
        assert f'sessiond_age{{issuer="{issuer}"}} 1.0' in text
        assert f'sessiond_ids_total{{issuer="{issuer}"}} 2.0' in text
    assert "# TYPE sessiond_age gauge" in text
    assert "# TYPE sessiond_ids_total counter" in text


async def test_a_number_may_come_while_the_others_are_shown() -> None:
    """A server is scraped while it starts."""
    telemetry = PrometheusTelemetry()

    def read() -> float:
        asyncio.get_running_loop().call_soon(telemetry.gauge, "late", "Late", lambda: 1.0)
        return 1.0

    telemetry.gauge("early", "Early", read)
    telemetry.gauge("next", "Next", lambda: 1.0)
    assert await series(telemetry) >= {"sessiond_early", "sessiond_next"}
    assert "sessiond_late" in await series(telemetry)


async def test_a_call_that_was_refused_at_once_has_no_duration() -> None:
    telemetry = counting_calls_of_m()
    telemetry.call_ended("M", "PERMISSION_DENIED", "unknown", None)
    assert await series(telemetry) >= {
        "sessiond_calls_total",
        "grpc_server_started_total",
        "grpc_server_handled_total",
    }
    assert 'grpc_server_handling_seconds_count{grpc_method="M",grpc_service="S",grpc_type="unary"} 0.0' in (
        await shown(telemetry)
    )


async def test_a_call_of_whoever_may_ask_is_no_callers() -> None:
    telemetry = counting_calls_of_m()
    telemetry.call_ended("M", "OK", None, 0.1)
    assert "grpc_server_handled_total" in await series(telemetry)
    assert "sessiond_calls_total{" not in await shown(telemetry)


async def test_it_says_what_it_is_and_what_the_process_takes() -> None:
    text = await shown(PrometheusTelemetry())
    assert f'sessiond_build_info{{python="{platform.python_version()}",version="{__version__}"}} 1.0' in text
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert f"\n{name} " in text


async def test_when_a_series_began_is_not_shown() -> None:
    assert "_created" not in (await shown(counting_calls_of_m())).replace("sessions_created_total", "")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        (
            "application/openmetrics-text; version=made-up",
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2",
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
        ),
    ],
)
async def test_the_form_is_the_one_that_is_accepted(accept: str, content_type: str) -> None:
    exposed = await PrometheusTelemetry().expose(accept=accept)
    assert exposed.headers == {"Content-Type": content_type}
    assert (exposed.body.count(b"# EOF\n") == 1) is content_type.startswith("application/openmetrics-text")


async def test_it_is_zipped_where_that_is_accepted() -> None:
    telemetry = PrometheusTelemetry()
    exposed = await telemetry.expose(accept_encoding="deflate, gzip;q=0.5")
    assert exposed.headers["Content-Encoding"] == "gzip"
    assert b"sessiond_build_info" in gzip.decompress(exposed.body)


async def test_calls_go_first_between_two_metrics() -> None:
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(take_turns())
    await PrometheusTelemetry().expose()
    others.cancel()
    assert turns > len(COUNTED)
