"""What sessions cost: bytes in the store, and a refresh's time of server and store, part by part."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from bench.h2load import is_here
from bench.refreshes import Kind, measure
from bench.stored_sessions import stored
from bench.table import Row

if TYPE_CHECKING:
    from bench.refreshes import Refreshes

TITLE: Final = "Sessions: 100,000 of them in a store, and refreshes over gRPC, one core for the server"
_CPU_BUDGET: Final = "≤ 450"
_RATE_BUDGET: Final = "≥ 1,500"


async def run() -> list[Row]:
    """Bytes a session, refreshes a second, and what one of them takes of processors, by its parts."""
    if not is_here("sessions"):
        return []
    load = Row(
        "load of the machine before: processes that run, on average of a minute", os.getloadavg()[0], ""
    )
    rows = [load, *await stored()]
    for kind in Kind:
        rows += _rows(await measure(kind))
    return rows


def _rows(found: Refreshes) -> list[Row]:
    name, is_local = found.kind.value, found.kind is Kind.LOCAL
    rows = [
        Row(f"{name}: refreshes", found.per_second, "/s", _RATE_BUDGET if is_local else ""),
        Row(f"{name}: CPU of the server a refresh", found.server_us, "µs", _CPU_BUDGET if is_local else ""),
        Row(f"{name}: CPU of the store a refresh", found.store_us, "µs"),
        Row(f"{name}: of that the scripts", found.scripts_us, "µs"),
        Row(f"{name}: CPU of the server in a second without calls", found.at_rest_ms, "ms"),
        Row(f"{name}: CPU of an empty handler a call, in turns", found.empty_us, "µs"),
    ]
    if found.unanswered:
        rows.append(Row(f"{name}: refreshes that were asked for again", found.unanswered, ""))
    shares = sorted(found.shares.items(), key=lambda share: -share[1])
    return rows + [Row(f"{name}: server's time in {area}", share * 100, "%") for area, share in shares]
