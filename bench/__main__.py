"""`python -m bench [SCENARIO ...]`: run scenarios, print their figures and keep them in `bench/results`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Final

from bench import (
    agent,
    crowded_subject,
    hostile_keys,
    in_process,
    over_grpc,
    revocations_view,
    sessions,
    staleness,
    watchers,
)
from bench.clients import scenario as clients
from bench.side_by_side import scenario as side_by_side
from bench.table import keep, show

if TYPE_CHECKING:
    from types import ModuleType

_SCENARIOS: Final[dict[str, ModuleType]] = {
    "in-process": in_process,
    "over-grpc": over_grpc,
    "agent": agent,
    "side-by-side": side_by_side,
    "hostile-keys": hostile_keys,
    "revocations-view": revocations_view,
    "sessions": sessions,
    "crowded-subject": crowded_subject,
    "staleness": staleness,
    "watchers": watchers,
    "clients": clients,
}


def main() -> int:
    """Run the scenarios that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what sessiond costs.")
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(_SCENARIOS)}; all by default"
    )
    wanted = parser.parse_args().scenarios or list(_SCENARIOS)
    unknown = sorted(set(wanted) - set(_SCENARIOS))
    if unknown:
        parser.error(f"SCENARIO: found {', '.join(unknown)}, allowed is {', '.join(_SCENARIOS)}")
    for name in wanted:
        sys.stderr.write(f"{name}: running\n")
        rows = asyncio.run(_SCENARIOS[name].run())
        # A scenario whose tools are not here has said so: what was kept of an earlier run stays.
        if rows:
            show(_SCENARIOS[name].TITLE, rows)
            keep(name, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
