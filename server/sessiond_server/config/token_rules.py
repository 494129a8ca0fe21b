"""What a configuration says of tokens, whatever else is in it: files that it names need not be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sessiond_server.config.problems import ConfigurationError, Problem
from sessiond_server.config.reader import load, read_list, read_table, section
from sessiond_server.config.settings import IssuerSettings, ServerSettings, Settings, StoreSettings
from sessiond_server.config.workload_checks import workload_problems_of

_FILES_OF_ISSUERS: Final = ("client_secret_file", "client_key_file", "clients", "signing_key_files")
_FILES_OF_CALLERS: Final = ("key_files",)
_FILES_OF_WORKLOAD_ISSUERS: Final = ("ca_file", "token_file")
_LIMIT: Final = "max_token_bytes"
# Nobody opens one.
_NO_STORE: Final = ""


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a configuration says of access tokens: whose are trusted, and how long they may be."""

    issuers: tuple[IssuerSettings, ...]
    max_token_bytes: int


def read_token_rules(path: Path, *, environment: Mapping[str, str]) -> TokenRules:
    """What a file says of access tokens.

    Raises:
        ConfigurationError: what it says of them cannot be used.
    """
    document, problems = load(path), list[Problem]()
    issuers = _read_list("issuers", document, environment, problems, without=_FILES_OF_ISSUERS)
    server = _read_limit(document, environment, problems)
    if problems:
        raise ConfigurationError(problems)
    return TokenRules(issuers, server.max_token_bytes)


def read_workload_rules(path: Path, *, environment: Mapping[str, str], is_asked: bool) -> Settings:
    """What a file says of the tokens of workloads and of the callers that they are; all else is unset.

    `is_asked` says that issuers are to be asked for their keys, and what they are asked with has to be there.

    Raises:
        ConfigurationError: what it says of them cannot be used.
    """
    document, problems = load(path), list[Problem]()
    files = () if is_asked else _FILES_OF_WORKLOAD_ISSUERS
    settings = Settings(
        server=_read_limit(document, environment, problems),
        store=StoreSettings(url=_NO_STORE),
        workload_issuers=_read_list("workload_issuers", document, environment, problems, without=files),
        callers=_read_list("callers", document, environment, problems, without=_FILES_OF_CALLERS),
    )
    # What could not be read stands at its default, so that nothing more is said of it.
    problems = problems or list(workload_problems_of(settings))
    if problems:
        raise ConfigurationError(problems)
    return settings


def _read_limit(
    document: Mapping[str, Any], environment: Mapping[str, str], problems: list[Problem]
) -> ServerSettings:
    """How long a token may be; of the server nothing else counts."""
    found = section(document, "server", environment, problems)
    limit = {name: value for name, value in found.items() if name == _LIMIT}
    return read_table(ServerSettings, limit, path="server", problems=problems)


def _read_list(
    name: str,
    document: Mapping[str, Any],
    environment: Mapping[str, str],
    problems: list[Problem],
    *,
    without: tuple[str, ...],
) -> tuple[Any, ...]:
    """Tables without what names files; the reader refuses what is no table."""
    tables = document.get(name, [])
    if isinstance(tables, list) and all(isinstance(table, dict) for table in tables):
        tables = [{key: value for key, value in table.items() if key not in without} for table in tables]
    return read_list(name, {name: tables}, environment, problems)
