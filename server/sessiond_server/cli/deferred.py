"""Commands whose modules are imported when they are run, and no sooner."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class DeferredCommand(click.Command):
    """A command that stands as `name` in the module `name` of this package.

    `help` is what is shown of it in a list of commands: the first sentence of its own help.
    """

    def load(self) -> click.Command:
        """The command itself."""
        command: click.Command = getattr(import_module(f"{__package__}.{self.name}"), str(self.name))
        return command

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        """The context of the command itself, which is what is run, helps and completes from here on."""
        return self.load().make_context(*arguments, **extra)
