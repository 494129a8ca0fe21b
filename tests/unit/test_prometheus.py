"""Every event of the port of telemetry is shown to Prometheus."""

from __future__ import annotations

import inspect

import pytest

from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.service.telemetry import Telemetry

SHOWN = {
    "call_ended": (("M", "OK", "c", 0.1), ("sessiond_calls_total", "sessiond_call_seconds_count")),
    "verdicts_given": (("ACCEPTED", 1), ("sessiond_verdicts_total",)),
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


def series(telemetry: PrometheusTelemetry) -> set[str]:
    """The names of what has the value 1."""
    lines = telemetry.render().decode().splitlines()
    return {line.split("{")[0].split(" ")[0] for line in lines if line.endswith(" 1.0")}


@pytest.mark.parametrize("event", SHOWN)
def test_an_event_is_shown(event: str) -> None:
    telemetry, (said, names) = PrometheusTelemetry(), SHOWN[event]
    getattr(telemetry, event)(*said)
    assert series(telemetry) >= set(names)


def test_every_event_is_tried() -> None:
    events = {name for name, _ in inspect.getmembers(Telemetry, inspect.isfunction) if name[0] != "_"}
    assert set(SHOWN) == events


def test_a_number_may_be_one_of_each_issuer() -> None:
    telemetry = PrometheusTelemetry()
    for issuer in ("a", "b"):
        telemetry.gauge("age", "An age", lambda: 1.0, issuer=issuer)
    text = telemetry.render().decode()
    assert 'sessiond_age{issuer="a"} 1.0' in text
    assert 'sessiond_age{issuer="b"} 1.0' in text


def test_a_call_that_was_refused_at_once_has_no_duration() -> None:
    telemetry = PrometheusTelemetry()
    telemetry.call_ended("M", "PERMISSION_DENIED", "unknown", None)
    assert series(telemetry) >= {"sessiond_calls_total"}
    assert "sessiond_call_seconds_count" not in telemetry.render().decode()
