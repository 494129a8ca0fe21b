"""Metrics of one name, each series of which is looked up by its words alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override


class Counters(dict[tuple[str, ...], Counter]):
    """The series of a counter, by the words of its labels in their order.

    What `words` make together, where there are some for each label, is there from the beginning; whatever
    else is counted comes to be by that. The library's own way to a series takes ten times as long as a
    dictionary's.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        meaning: str,
        labels: Sequence[str] = (),
        words: Sequence[Sequence[str]] = (),
    ) -> None:
        super().__init__()
        self._metric: Final = Counter(name, meaning, labels, registry=registry)
        for combination in product(*words) if len(words) == len(labels) else ():
            self[combination]

    def __missing__(self, words: tuple[str, ...]) -> Counter:
        series = self[words] = self._metric.labels(*words) if words else self._metric
        return series


class Histograms(dict[tuple[str, ...], Histogram]):
    """The same for a histogram of seconds."""

    def __init__(
        self,
        registry: CollectorRegistry,
        name: str,
        meaning: str,
        labels: Sequence[str],
        *,
        bounds: Sequence[float],
    ) -> None:
        super().__init__()
        self._metric: Final = Histogram(name, meaning, labels, registry=registry, buckets=bounds)

    def __missing__(self, words: tuple[str, ...]) -> Histogram:
        series = self[words] = self._metric.labels(*words)
        return series


class ReadNumbers(Collector):
    """Numbers that are kept elsewhere, and read whenever they are asked for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._numbers: dict[str, _Number] = {}
        registry.register(self)

    def add(
        self, name: str, meaning: str, read: Callable[[], float], labels: dict[str, str], *, grows: bool
    ) -> None:
        """Show a number under this name; one that `grows` never does anything else."""
        number = self._numbers.setdefault(name, _Number(meaning, tuple(labels), grows=grows))
        number.reads[tuple(labels.values())] = read

    @override
    def collect(self) -> Iterator[CounterMetricFamily | GaugeMetricFamily]:
        # Others may come while these are shown, between which whatever is due goes first.
        for name, number in list(self._numbers.items()):
            kind = CounterMetricFamily if number.grows else GaugeMetricFamily
            family = kind(name, number.meaning, labels=number.labels)
            for words, read in number.reads.items():
                family.add_metric(words, float(read()))
            yield family


class _Number:
    """What is shown under one name, and how each series of it is read."""

    def __init__(self, meaning: str, labels: tuple[str, ...], *, grows: bool) -> None:
        self.meaning = meaning
        self.labels = labels
        self.grows = grows
        self.reads: dict[tuple[str, ...], Callable[[], float]] = {}
