"""What a client tells of itself, over the fake; and that no token is in it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from opentelemetry.metrics import CallbackOptions
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from prometheus_client import CollectorRegistry, generate_latest

from sessiond import Observer, RefreshRefusedError, UnavailableError, otel, prometheus
from sessiond.testing import FakeSessiond
from tests.support.waiting import eventually

pytest_plugins = ["sessiond.testing.fixtures"]


class Told(Observer):
    def __init__(self) -> None:
        self.calls: list[tuple[str, str, str, int]] = []

    def called(self, method: str, *, code: str, reason: str, seconds: float, attempts: int) -> None:
        assert seconds > 0
        self.calls.append((method, code, reason, attempts))


def use(fake: FakeSessiond, client: Any) -> None:
    """Validations and calls of each kind."""
    tokens = fake.login(scopes=["orders:read"])
    for _ in range(3):
        client.validate(tokens.access_token)
    client.validate("none")
    client.refresh(tokens.refresh_token)
    with pytest.raises(RefreshRefusedError):
        client.refresh("none")


def test_calls_are_told_with_all_their_attempts(fake_sessiond: FakeSessiond) -> None:
    told = Told()
    client = fake_sessiond.client(observer=told, cache=None)
    use(fake_sessiond, client)
    with fake_sessiond.away(), pytest.raises(UnavailableError):
        client.validate("none")
    assert told.calls == [
        *[("ValidateToken", "OK", "", 1)] * 4,
        ("RefreshSession", "OK", "", 1),
        ("RefreshSession", "UNAUTHENTICATED", "REFRESH_TOKEN_INVALID", 1),
        ("ValidateToken", "UNAVAILABLE", "", 3),
    ]


async def test_calls_for_several_threads_are_told(fake_sessiond: FakeSessiond) -> None:
    told, threads = Told(), 5
    client = fake_sessiond.client(observer=told)
    tokens = [fake_sessiond.login().access_token for _ in range(threads)]
    boarded: Any = client._connection.get().validator._calls._flights
    # Nothing is answered until all of them wait.
    with ThreadPoolExecutor(threads) as pool, fake_sessiond._state.lock:
        for token in tokens:
            pool.submit(client.validate, token)
        await eventually(lambda: len(boarded._by_key) == threads)
    await eventually(lambda: len(told.calls) == len(fake_sessiond.calls))
    assert sorted(told.calls) == [
        *[("ValidateToken", "OK", "", 1)] * 2,
        ("ValidateTokens", "OK", "", 1),
    ]


async def test_a_caller_that_leaves_is_told_as_cancelled(fake_sessiond: FakeSessiond) -> None:
    told = Told()
    async with fake_sessiond.async_client(observer=told) as client:
        call = asyncio.ensure_future(client.get_session("sds_"))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert [(method, code) for method, code, *_ in told.calls] == [("GetSession", "CANCELLED")]


def test_prometheus_is_told(fake_sessiond: FakeSessiond) -> None:
    registry = CollectorRegistry()
    metrics = prometheus.Metrics(registry)
    client = fake_sessiond.client(observer=metrics, cache=None)
    metrics.follow(client)
    use(fake_sessiond, client)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"sessiond_client_{name}", labels)

    assert value("validations_total", outcome="MISS", accepted="true", reason="") == 3
    assert value("validations_total", outcome="MISS", accepted="false", reason="MALFORMED") == 1
    assert value("calls_total", method="RefreshSession", code="OK", reason="") == 1
    assert value("calls_duration_seconds_count", method="ValidateToken", code="OK") == 4
    assert value("cache_entries") == 0
    assert value("watch_age_seconds") is None
    assert b"sessiond_client_watch_changes" in generate_latest(registry)
    metrics.watch_changed("LOST")  # type: ignore[arg-type]
    assert value("watch_changes_total", state="LOST") == 1
    with pytest.raises(ValueError, match="Duplicated"):
        prometheus.Metrics(registry)


def test_opentelemetry_is_told(fake_sessiond: FakeSessiond) -> None:
    reader = InMemoryMetricReader()
    metrics = otel.Metrics(MeterProvider([reader]), {"client": "main"})
    client = fake_sessiond.client(observer=metrics, cache=None)
    metrics.follow(client)
    use(fake_sessiond, client)
    metrics.watch_changed("LOST")  # type: ignore[arg-type]
    found = points(reader)
    main = {"client": "main"}
    rejected = {"outcome": "MISS", "accepted": False, "reason": "MALFORMED"}
    assert found["sessiond.client.validations"][frozenset((rejected | main).items())].value == 1
    called = {"method": "RefreshSession", "code": "OK", "reason": ""}
    assert found["sessiond.client.calls"][frozenset((called | main).items())].value == 1
    validated = {"method": "ValidateToken", "code": "OK"}
    duration = found["sessiond.client.calls.duration"][frozenset((validated | main).items())]
    assert (duration.count, duration.explicit_bounds[0]) == (4, 0.0005)
    assert found["sessiond.client.watch.changes"][frozenset(({"state": "LOST"} | main).items())].value == 1
    assert found["sessiond.client.cache.entries"][frozenset(main.items())].value == 0
    assert list(metrics._age(CallbackOptions())) == []
    warm = fake_sessiond.client()
    metrics.follow(warm)
    token = fake_sessiond.login().access_token
    while not warm.numbers.hits:
        warm.validate(token)
    (age,) = metrics._age(CallbackOptions())
    assert age.value >= 0


def points(reader: InMemoryMetricReader) -> Any:
    """The points of all instruments, by name and attributes."""
    data: Any = reader.get_metrics_data()
    (scope,) = data.resource_metrics[0].scope_metrics
    assert scope.scope.name == "sessiond"
    return {
        metric.name: {frozenset(point.attributes.items()): point for point in metric.data.data_points}
        for metric in scope.metrics
    }
