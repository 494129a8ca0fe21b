"""Tells OpenTelemetry what a client does. It needs the API alone: which SDK there is, is for the program.

    metrics = Metrics(opentelemetry.metrics.get_meter_provider())
    client = Client(target, observer=metrics)
    metrics.follow(client)

    sessiond.client.validations     {validation}  by outcome, accepted and reason
    sessiond.client.calls           {call}        by method, code and reason
    sessiond.client.calls.duration  s             by method and code, with all attempts
    sessiond.client.watch.changes   {change}      of the stream of revocations, by its new state
    sessiond.client.cache.entries   {entry}       what is kept now
    sessiond.client.watch.age       s             how long ago everything that was revoked was known

Attributes that a client is given tell it from others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

from sessiond.observer import DURATION_BOUNDS, Observer, Outcome, Source, WatchState

__all__ = ["Metrics"]

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Metrics(Observer):
    """The instruments of one client; `attributes`, such as its name among several, go with all of them."""

    def __init__(self, provider: MeterProvider, attributes: Mapping[str, str] = _NONE) -> None:
        meter = provider.get_meter("sessiond")
        self._attributes: Final[dict[str, str]] = dict(attributes)
        self._followed: Final[list[Source]] = []
        self._validations: Final = meter.create_counter(
            "sessiond.client.validations", "{validation}", "Verdicts on one token."
        )
        self._calls: Final = meter.create_counter("sessiond.client.calls", "{call}", "Calls to a server.")
        self._durations: Final = meter.create_histogram(
            "sessiond.client.calls.duration",
            "s",
            "How long calls to a server took, with all attempts.",
            explicit_bucket_boundaries_advisory=DURATION_BOUNDS,
        )
        self._changes: Final = meter.create_counter(
            "sessiond.client.watch.changes", "{change}", "Changes of the stream of revocations."
        )
        meter.create_observable_gauge(
            "sessiond.client.cache.entries", [self._entries], "{entry}", "Acceptances that are kept."
        )
        meter.create_observable_gauge(
            "sessiond.client.watch.age",
            [self._age],
            "s",
            "How long ago everything that was revoked was known.",
        )

    def follow(self, client: Source) -> None:
        """Observe the numbers of the client; of one that knows nothing of revocations no age is told."""
        self._followed.append(client)

    def validated(self, outcome: Outcome, *, accepted: bool, reason: str, seconds: float) -> None:
        """Count a verdict."""
        del seconds
        told: dict[str, str | bool] = {
            "outcome": str(outcome),
            "accepted": accepted,
            "reason": str(reason),
            **self._attributes,
        }
        self._validations.add(1, told)

    def called(self, method: str, *, code: str, reason: str, seconds: float, attempts: int) -> None:
        """Count a call."""
        del attempts
        told = self._attributes | {"method": method, "code": code}
        self._calls.add(1, told | {"reason": reason})
        self._durations.record(seconds, told)

    def watch_changed(self, state: WatchState) -> None:
        """Count a change."""
        self._changes.add(1, self._attributes | {"state": str(state)})

    def _entries(self, _: CallbackOptions) -> Iterable[Observation]:
        return [Observation(client.numbers.entries, self._attributes) for client in self._followed]

    def _age(self, _: CallbackOptions) -> Iterable[Observation]:
        ages = [client.numbers.watch_age for client in self._followed]
        return [Observation(age, self._attributes) for age in ages if age is not None]
