"""A server with a configuration: `sessiond serve`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import click

from sessiond_server.app.serve import run
from sessiond_server.app.workers import run_workers
from sessiond_server.cli.configured import config_option, plaintext_option, settings_of
from sessiond_server.cli.event_loop import run_server

_WORKER: Final = "sessiond_server.cli.worker"


@click.command(epilog="\b\nExample:\n  sessiond serve --config /etc/sessiond/sessiond.toml")
@config_option
@plaintext_option
def serve(config: Path, *, insecure_plaintext: bool) -> None:
    """Run with a configuration; every mistake in it is told before anything starts."""
    settings = settings_of(config, insecure_plaintext=insecure_plaintext)
    if settings.server.workers == 1:
        run_server(partial(run, settings))
    run_server(partial(run_workers, settings, module=_WORKER))
