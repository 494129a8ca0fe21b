"""How commands refuse: a line for each mistake, and an exit status."""

from __future__ import annotations

import sys
from typing import Final, NoReturn

import click

USAGE_STATUS: Final = 2
FAULTY_STATUS: Final = 1


def as_refusal(message: str) -> str:
    """Each line with the name of who says it."""
    return "".join(f"sessiond: {line}\n" for line in message.splitlines())


def refuse(message: str, *, status: int = USAGE_STATUS) -> NoReturn:
    """End the command with `status`, and say why on standard error."""
    click.echo(as_refusal(message), err=True, nl=False)
    sys.exit(status)
