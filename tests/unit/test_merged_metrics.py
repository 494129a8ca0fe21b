"""What several processes have counted is shown as if it were one, and no sum ever falls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sessiond_server.adapters.telemetry.exposition import expose
from sessiond_server.adapters.telemetry.merged import GAUGES, MergedMetrics
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry

if TYPE_CHECKING:
    from collections.abc import Mapping


async def series(merged: MergedMetrics) -> dict[str, float]:
    text = (await expose(merged, accept="", accept_encoding="")).body.decode()
    lines = (line.rpartition(" ") for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in lines}


async def heard(merged: MergedMetrics, worker: int, telemetry: PrometheusTelemetry) -> None:
    """It goes over a link, as JSON."""
    counted: Any = json.loads(json.dumps(await telemetry.counted()))
    merged.heard(worker, counted)


def showing(gauges: Mapping[str, float]) -> PrometheusTelemetry:
    telemetry = PrometheusTelemetry()
    for name, value in gauges.items():
        telemetry.gauge(name.removeprefix("sessiond_"), "A number", lambda value=value: value)
    return telemetry


async def test_what_grows_is_summed() -> None:
    merged, workers = MergedMetrics(PrometheusTelemetry()), [PrometheusTelemetry() for _ in range(2)]
    workers[0].token_refreshed("ROTATED")
    for number, one in enumerate(workers, 1):
        one.token_refreshed("REPLAYED")
        one.store_called("rotate", 0.003)
        one.counter("number_total", "A number", lambda: 5.0)
        await heard(merged, number, one)
    found = await series(merged)
    assert found['sessiond_refreshes_total{outcome="ROTATED"}'] == 1
    assert found['sessiond_refreshes_total{outcome="REPLAYED"}'] == 2
    assert found["sessiond_number_total"] == 10
    of_rotate = {name: value for name, value in found.items() if 'script="rotate"' in name}
    assert of_rotate.pop('sessiond_store_seconds_sum{script="rotate"}') == 0.006
    assert list(of_rotate.values()) == [0, 0, 0, 2, 2, 2, 2, 2, 2, 2]


async def test_a_worker_that_has_ended_still_counts() -> None:
    merged, name = MergedMetrics(PrometheusTelemetry()), "sessiond_revocation_regressions_total"
    for ended in range(3):
        worker = PrometheusTelemetry()
        worker.store_regressed()
        worker.gauge("watchers", "A number", lambda: 7)
        await heard(merged, 1, worker)
        assert ((await series(merged))[name], (await series(merged))["sessiond_watchers"]) == (ended + 1, 7)
        merged.gone(1)
        assert (await series(merged))[name] == ended + 1
        assert "sessiond_watchers" not in await series(merged)
    merged.gone(1)
    assert (await series(merged))[name] == 3


async def test_what_the_parent_counts_is_there_too() -> None:
    parent = showing({"sessiond_ready": 0})
    parent.http_refused("SLOW")
    merged = MergedMetrics(parent)
    await heard(merged, 1, showing({"sessiond_ready": 1}))
    found = await series(merged)
    assert found['sessiond_http_refused_total{cause="SLOW"}'] == 1
    assert found["sessiond_ready"] == 0


async def test_other_numbers_are_a_sum_or_the_worst_by_their_names() -> None:
    merged = MergedMetrics(PrometheusTelemetry())
    ours = {name for name in GAUGES if name.startswith("sessiond_")} - {"sessiond_build_info"}
    for worker, value in enumerate((2, -3), 1):
        await heard(merged, worker, showing(dict.fromkeys(ours, value)))
    found = await series(merged)
    assert {name: found[name] for name in ours} == {
        **{name: -1 for name, rule in GAUGES.items() if rule is sum and name in ours},
        **{name: 2 for name, rule in GAUGES.items() if rule is max and name in ours},
        **{name: -3 for name, rule in GAUGES.items() if rule is min and name in ours},
        "sessiond_ready": 2,
        "sessiond_workers": 2,
        "sessiond_workers_ready": 2,
        "sessiond_store_clock_difference_seconds": -3,
    }
    assert found["process_resident_memory_bytes"] > 0
