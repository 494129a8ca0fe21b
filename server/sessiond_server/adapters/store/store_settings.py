"""What the store's settings should be for it to lose little, and to be there; nothing of it is required."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_MIN_BACKLOG_BYTES: Final = 64 << 20
_MOST_LAG_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class _Advice:
    """A setting, which values of it are fine, what is better otherwise, and why."""

    name: str
    is_fine: Callable[[str], bool]
    better: str
    why: str


_EVERYWHERE: Final = (
    _Advice("appendfsync", lambda found: found != "no", "always", "what was acknowledged waits for its disk"),
    _Advice(
        "no-appendfsync-on-rewrite", lambda found: found == "no", "no", "nothing is synced during a rewrite"
    ),
)
_WITH_REPLICAS: Final = (
    _Advice(
        "min-replicas-to-write",
        lambda found: int(found) > 0,
        "1",
        "a primary that was replaced goes on taking writes that will be lost",
    ),
    _Advice(
        "min-replicas-max-lag",
        lambda found: 0 < int(found) <= _MOST_LAG_SECONDS,
        f"{_MOST_LAG_SECONDS}",
        "for so long it does not notice that its replicas are gone",
    ),
    _Advice(
        "repl-backlog-size",
        lambda found: int(found) >= _MIN_BACKLOG_BYTES,
        "256mb",
        "a replica that was away for a moment has to copy everything",
    ),
)
_IN_A_CLUSTER: Final = (
    _Advice(
        "cluster-require-full-coverage",
        lambda found: found == "no",
        "no",
        "one part that is away takes all others with it",
    ),
)
NAMES: Final = tuple(one.name for one in (*_EVERYWHERE, *_WITH_REPLICAS, *_IN_A_CLUSTER))


def remarks_on(found: Mapping[str, str], *, has_replicas: bool, is_cluster: bool) -> Iterator[str]:
    """What is to be said of these settings; a store that lacks one of them is not reproached for it."""
    advice = (
        *_EVERYWHERE,
        *(_WITH_REPLICAS if has_replicas else ()),
        *(_IN_A_CLUSTER if is_cluster else ()),
    )
    for one in advice:
        value = found.get(one.name)
        if value is not None and not one.is_fine(value):
            yield f"the store's {one.name} is {value}, better is {one.better}: {one.why}"
