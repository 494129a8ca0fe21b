"""One of the workers of `sessiond serve`, which its parent starts: `python -m sessiond_server.cli.worker`."""

from __future__ import annotations

import sys
from functools import partial

from sessiond_server.adapters.workers.process import become_worker
from sessiond_server.app.worker import run_worker
from sessiond_server.cli.event_loop import run_server

if __name__ == "__main__":
    given, end = become_worker(sys.argv[1:])
    run_server(partial(run_worker, given["settings"], end), worker=given["number"])
