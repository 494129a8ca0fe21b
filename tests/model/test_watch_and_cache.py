"""Nobody accepts a revoked token later than `max_staleness` after the revocation's answer.

The client's own rules run by simulated time, against servers that lag and restart, streams that stall, a
relay, clocks that drift, stand still and are set, keys that are withdrawn, and changes of configuration.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

import pytest

from sessiond.cache import Acceptance, VerdictCache
from sessiond.knowledge import Freshness, Knowledge
from sessiond.watch import Watch
from tests.support.examples import examples
from tests.support.watch_model.relay import Relay
from tests.support.watch_model.world import World

if TYPE_CHECKING:
    from sessiond.v1.session_pb2 import Freshness as Heartbeat
    from sessiond.watch import Stream

SECONDS: Final = 2_500.0
# Without one of the rules a late acceptance is found within so long.
FOUND_WITHIN: Final = 10_000.0


@pytest.mark.hypothesis
@pytest.mark.parametrize("seed", range(1, 1 + examples(2)))
@pytest.mark.slow
def test_nothing_revoked_is_accepted_late(seed: int) -> None:
    world = World(seed)
    findings = world.run(SECONDS)
    assert findings.late == []
    # It was worth looking: much is answered from memory, and the bound is come close to.
    assert findings.hits > findings.misses > 1_000
    assert min(findings.joined, findings.asked_anew, findings.streams, world.relay.hits) > 30
    assert findings.worst > 0.3


class ReplayingRelay(Relay):
    counts_anew = False


def nothing(*_: Any) -> None:
    """Does nothing instead of what a rule demands."""


def known_by_arrival(_: Watch, stream: Stream, beat: Heartbeat) -> float:
    return stream.heard - beat.age.nanos / 1e9


def following_only(self: Knowledge, configuration: str) -> None:
    self.configuration = configuration


# The seeds find it soonest; any other finds it too.
WITHOUT: Final[dict[str, tuple[int, type, str, Any]]] = {
    "the anchor": (6, Watch, "_known", known_by_arrival),
    "coverage": (6, Knowledge, "covers", lambda *_: True),
    "what the answer could not know": (7, Acceptance, "since", property(lambda self: self.asked.at)),
    "the joining rule": (6, VerdictCache, "may_answer", lambda *_: True),
    "own revocations": (2, Knowledge, "end", nothing),
    "resets": (6, Knowledge, "forget", nothing),
    "the fingerprint of the watch": (4, Knowledge, "follow", following_only),
    "the fingerprint of an answer": (8, Knowledge, "is_decided_alike", lambda *_: True),
    "withdrawn keys": (3, Knowledge, "withdraw", Knowledge.hear),
    "events": (8, VerdictCache, "_is_standing", lambda *_: True),
    "the bound": (1, Freshness, "left", lambda *_: inf),
    "the wall's clock": (6, Freshness, "left", lambda self, now, _: self.until - now),
}


@pytest.mark.parametrize("rule", WITHOUT)
def test_each_rule_is_needed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seed, kind, name, instead = WITHOUT[rule]
    monkeypatch.setattr(kind, name, instead)
    assert World(seed).run(FOUND_WITHIN, until_late=True).late


def test_spans_have_to_be_counted_anew_by_a_relay() -> None:
    assert World(3, ReplayingRelay).run(FOUND_WITHIN, until_late=True).late
