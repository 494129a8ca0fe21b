"""A server whose callers cannot be known is not ready; one that knows some of them says what is wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sessiond_server.app.readiness import Readiness
from sessiond_server.app.supervision import Supervision
from tests.support.fakes import FakeClock, SilentLogger, SilentTelemetry


def issuer(name: str, *, was_tried: bool = True, is_ready: bool = True) -> Any:
    key_set = SimpleNamespace(was_tried=was_tried, is_ready=is_ready)
    return SimpleNamespace(settings=SimpleNamespace(issuer=name), key_set=key_set)


def readiness(*issuers: Any, has_other_callers: bool = False) -> Readiness:
    app: Any = SimpleNamespace(
        revocations=SimpleNamespace(
            has_read_what_answers=True, is_fresh=True, stale_partitions=0, partitions=(0,)
        ),
        clocks=SimpleNamespace(excess_seconds=None),
        stores=SimpleNamespace(writes=SimpleNamespace(refused_for=None)),
        answers_when_stale=False,
        local_issuer=object(),
        issuers=(),
        workload_issuers=issuers,
        has_other_callers=has_other_callers,
    )
    supervision = Supervision(clock=FakeClock(), telemetry=SilentTelemetry(), logger=SilentLogger())
    found = Readiness(app, supervision)
    found.store_faults = []
    return found


WITHOUT = issuer("a", is_ready=False)


@pytest.mark.parametrize("has_other_callers", [True, False])
def test_every_workload_issuer_is_asked_before_calls_are_taken(*, has_other_callers: bool) -> None:
    untried = issuer("a", was_tried=False, is_ready=False)
    ready = readiness(untried, issuer("b"), has_other_callers=has_other_callers)
    assert ready.not_ready_reasons() == ["a has not been asked for its keys yet"]


def test_a_server_that_can_know_nobody_is_not_ready() -> None:
    assert readiness(WITHOUT).not_ready_reasons() == ["no keys of a can be had"]
    assert readiness(WITHOUT, issuer("b")).not_ready_reasons() == []
    assert readiness(WITHOUT, has_other_callers=True).not_ready_reasons() == []
    assert readiness().not_ready_reasons() == []


def test_an_issuer_without_keys_is_remarked_upon() -> None:
    for ready in (readiness(WITHOUT, issuer("b")), readiness(WITHOUT, has_other_callers=True)):
        assert ready.remarks() == ["no keys of a can be had"]
    assert readiness(issuer("b")).remarks() == []
