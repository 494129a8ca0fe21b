"""The options of commands that read a configuration, and what they read."""

from __future__ import annotations

import os
from pathlib import Path

import click

from sessiond_server.cli.refusals import refuse
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.reader import read_file
from sessiond_server.config.settings import Settings

config_option = click.option(
    "--config",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    envvar="SESSIOND_CONFIG",
    help="The configuration, TOML.",
)
plaintext_option = click.option(
    "--insecure-plaintext",
    is_flag=True,
    help="Listen beyond loopback without TLS, over gRPC and HTTP: whoever sees the network sees every token.",
)


def settings_of(config: Path, *, insecure_plaintext: bool) -> Settings:
    """What the file and the environment set; every mistake in it is told, and ends the command."""
    try:
        return read_file(config, environment=os.environ, insecure_plaintext=insecure_plaintext)
    except ConfigurationError as error:
        refuse(str(error))
