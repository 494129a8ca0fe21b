"""The command line: `sessiond`."""

from __future__ import annotations

import os
from typing import Final

import click

from sessiond_server import __version__
from sessiond_server.cli.deferred import DeferredCommand
from sessiond_server.cli.descriptors import open_standard_descriptors

# Each with the first sentence of its help: to show them all, none of them has to be imported.
_COMMANDS: Final = {
    "check": (
        "Read a configuration, and look at all that a server will need: the store, every issuer and our "
        "credentials there (with a refresh token that is made up), keys, callers, files, ports, and the "
        "clocks."
    ),
    "dev": (
        "Run on one machine without configuration: an embedded store, a local issuer, every method open to "
        "any local caller."
    ),
    "explain": "Show what each check finds in the access token in FILE, or on standard input.",
    "healthcheck": (
        "Ask a server whether it serves: exit status 0 if it does, 1 if it does not or does not answer."
    ),
    "jwks": (
        "Fetch the key sets of all configured providers and workload issuers, and show them: exit status 1 "
        "if one cannot be had."
    ),
    "keys": "Make, rotate and check sessiond's own keys: pepper, sealing key and signing key.",
    "revocations": "Show what a running server knows of revocations.",
    "serve": "Run with a configuration; every mistake in it is told before anything starts.",
    "sessions": "List, show and end sessions at a running server.",
}


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    commands=[DeferredCommand(name, help=sentence) for name, sentence in _COMMANDS.items()],
)
@click.version_option(__version__, prog_name="sessiond")
def main() -> None:
    """Validate, refresh and revoke sessions for backends in any language, over gRPC."""
    # What a command imports and opens comes after this.
    open_standard_descriptors()
    # gRPC's core reads this when it is loaded; what it writes by itself to standard error is no line of our
    # logger.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
