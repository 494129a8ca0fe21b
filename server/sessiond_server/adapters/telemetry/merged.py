"""What several processes have counted, as if it were one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from typing_extensions import override

# As JSON has it: of each metric its name, meaning and type, and the name, labels and value of each series.
Plain: TypeAlias = Sequence[Sequence[Any]]
Rule: TypeAlias = Callable[[Sequence[float]], float]

_GAUGE: Final = "gauge"


def _parents(values: Sequence[float]) -> float:
    return values[0]


def _farthest_from_zero(values: Sequence[float]) -> float:
    return max(values, key=abs)


# What grows is summed. Of every other number it is said here what it is of several processes: the sum where
# each has some of its own, and the worst where all look at the same.
GAUGES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "process_max_fds": min,
        "process_open_fds": max,
        "process_resident_memory_bytes": sum,
        "process_start_time_seconds": min,
        "process_virtual_memory_bytes": sum,
        "sessiond_build_info": max,
        "sessiond_calls_ended_without_message": sum,
        "sessiond_calls_in_flight": sum,
        "sessiond_calls_without_message": sum,
        "sessiond_certificate_expiry_timestamp_seconds": min,
        "sessiond_exchanges_ahead_waiting": sum,
        "sessiond_health_watches": sum,
        "sessiond_key_set_age_seconds": max,
        "sessiond_key_set_max_stale_seconds": max,
        "sessiond_key_set_order_timestamp_seconds": min,
        "sessiond_provider_revocations_pending": max,
        # The parent alone knows whether this machine should get calls.
        "sessiond_ready": _parents,
        "sessiond_refreshes_waiting": sum,
        "sessiond_revocation_entries_behind": max,
        "sessiond_revocation_max_staleness_seconds": max,
        "sessiond_revocation_view_age_seconds": max,
        "sessiond_revocations": max,
        "sessiond_store_certificate_expiry_timestamp_seconds": min,
        "sessiond_store_clock_difference_seconds": _farthest_from_zero,
        "sessiond_store_is_primary": min,
        "sessiond_store_takes_writes": min,
        "sessiond_token_cache_bytes": sum,
        "sessiond_token_cache_tokens": sum,
        "sessiond_watchers": sum,
        "sessiond_workers": _parents,
        "sessiond_workers_ready": _parents,
        "sessiond_workload_key_set_age_seconds": max,
        "sessiond_workload_key_set_max_stale_seconds": max,
        "sessiond_workload_key_set_order_timestamp_seconds": min,
        "sessiond_workload_tokens_known": sum,
    }
)


class MergedMetrics(Collector):
    """What a parent has counted itself, its workers, and those of them that are gone.

    What a worker had counted when it was last heard of goes on to count after its end: no sum ever falls.
    """

    def __init__(self, own: Collector) -> None:
        self._own = own
        self._gone: Plain = []
        self._workers: dict[int, Plain] = {}

    def heard(self, worker: int, counted: Plain) -> None:
        """A worker says what it has counted so far."""
        self._workers[worker] = counted

    def gone(self, worker: int) -> None:
        """A worker has ended; whoever has its number from now on begins at 0."""
        last = [one for one in self._workers.pop(worker, []) if one[2] != _GAUGE]
        self._gone = to_plain(_merged([self._gone, last]))

    @override
    def collect(self) -> Iterator[Metric]:
        yield from _merged([to_plain(self._own.collect()), *self._workers.values(), self._gone])


def to_plain(metrics: Iterable[Metric]) -> Plain:
    """Metrics as JSON has them."""
    return [
        [
            one.name,
            one.documentation,
            one.type,
            [[sample.name, sample.labels, sample.value] for sample in one.samples],
        ]
        for one in metrics
    ]


def _merged(sources: Iterable[Plain]) -> Iterator[Metric]:
    metrics: dict[str, Metric] = {}
    series: dict[str, dict[tuple[str, ...], list[Any]]] = {}
    for name, meaning, kind, samples in (one for source in sources for one in source):
        metrics.setdefault(name, Metric(name, meaning, kind))
        ours = series.setdefault(name, {})
        for sample, labels, value in samples:
            ours.setdefault((sample, *labels.items()), [sample, labels, []])[2].append(value)
    for name, metric in metrics.items():
        rule = GAUGES.get(name, max) if metric.type == _GAUGE else sum
        for sample, labels, values in series[name].values():
            metric.add_sample(sample, labels, rule(values))
        yield metric
