"""`python -m bench.sampled_server FILE ARGUMENT...`: sessiond, and where its processor time goes.

Whenever the process has used another two milliseconds of processors, the place where its main thread is
counts once. At the end the counts are written to FILE, by areas of the code. What is done by gRPC's own
threads, and by the event loop and gRPC outside of Python, counts as theirs.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sessiond_server.cli.main import main

if TYPE_CHECKING:
    from types import FrameType

_SECONDS: Final = 0.002
_ENGINE: Final = "gRPC and the event loop"
# The innermost frame that belongs to one of these says where the time goes; the first that fits counts.
_AREAS: Final = (
    ("adapters/jwt", "signing and verifying"),
    ("/jwt/", "signing and verifying"),
    ("adapters/store/seal", "sealing"),
    ("adapters/store/record", "records and scripts' arguments"),
    ("adapters/store/scripts", "records and scripts' arguments"),
    ("adapters/store", "records and scripts' arguments"),
    ("/redis/", "the store's client (redis-py)"),
    ("adapters/http", "asking the provider (HTTP)"),
    ("/aiohttp/", "asking the provider (HTTP)"),
    ("transport/codec", "messages (codec)"),
    ("/google/protobuf", "messages (codec)"),
    ("transport/engine", _ENGINE),
    ("/grpc/", _ENGINE),
    ("adapters/log", "log and audit"),
    ("/structlog/", "log and audit"),
    ("service/audit", "log and audit"),
    ("adapters/telemetry", "metrics"),
    ("/prometheus_client/", "metrics"),
    ("domain/refresh_token", "making and recognising refresh tokens"),
    ("transport/", "the pipeline of a call"),
    ("service/", "services and domain"),
    ("domain/", "services and domain"),
)


def _area(frame: FrameType | None) -> str:
    while frame:
        name = frame.f_code.co_filename
        for part, area in _AREAS:
            if part in name:
                return area
        frame = frame.f_back
    return _ENGINE


def _run(path: Path) -> None:
    counts: Counter[str] = Counter()

    def sample(_number: int, frame: FrameType | None) -> None:
        counts[_area(frame)] += 1

    def restart(_number: int, _frame: Any) -> None:
        counts.clear()

    signal.signal(signal.SIGPROF, sample)
    # What the start took is not asked for.
    signal.signal(signal.SIGUSR1, restart)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS, _SECONDS)
    try:
        main()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        path.write_text(json.dumps(counts))


if __name__ == "__main__":
    file = Path(sys.argv[1])
    sys.argv[1:] = sys.argv[2:]
    _run(file)
