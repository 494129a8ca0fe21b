"""Makes settings of a TOML file and the environment, or tells every problem at once."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Collection, Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from sessiond_server.config.checks import problems_of
from sessiond_server.config.files import FileFaultError, read_whole
from sessiond_server.config.kinds import NotAllowedError, Setting, shown
from sessiond_server.config.presets import with_preset
from sessiond_server.config.problems import ConfigurationError, Problem
from sessiond_server.config.settings import (
    INNER,
    INNER_LISTS,
    LISTS,
    SECTIONS,
    Settings,
)
from sessiond_server.config.workload_presets import with_workload_preset

TableT = TypeVar("TableT")

_PREFIX: Final = "SESSIOND_"
_MAX_FILE_BYTES: Final = 1 << 20
_PLACE: Final = re.compile(r"at (line \d+), column \d+|at (end of document)")


class _Unread(Enum):
    """Stands for a value that could not be read."""

    VALUE = 0


# These stand in for what must be given and could not be read, so that the checks can look at the rest.
_STAND_INS: Final[Mapping[str, Any]] = MappingProxyType(
    {"text": "?", "word": "?", "file": Path("?"), "list": (), "rate": (1, 1)}
)


def read_file(path: Path, *, environment: Mapping[str, str], insecure_plaintext: bool) -> Settings:
    """The settings in a file, with what the environment sets over them; raises `ConfigurationError`."""
    return read_settings(load(path), environment=environment, insecure_plaintext=insecure_plaintext)


def load(path: Path) -> dict[str, Any]:
    """The document in a file; raises `ConfigurationError`."""
    try:
        return tomllib.loads(read_whole(path, max_bytes=_MAX_FILE_BYTES).decode())
    except OSError as error:
        raise ConfigurationError(
            [Problem(str(path), error.strerror or "nothing", "a readable file")]
        ) from error
    except FileFaultError as error:
        raise ConfigurationError(
            [Problem(str(path), f"a file that {error}", "a file that only this user and root can write")]
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError([Problem(str(path), "bytes that are not UTF-8", "a TOML file")]) from None
    except tomllib.TOMLDecodeError as error:
        # The library's words are left out, because they quote the file: a secret may have been put there by
        # mistake.
        raise ConfigurationError(
            [Problem(str(path), f"no TOML{_place_of_error(error)}", "a TOML file")]
        ) from None


def read_settings(
    document: Mapping[str, Any], *, environment: Mapping[str, str], insecure_plaintext: bool
) -> Settings:
    """The settings in a document, with what the environment sets over them; raises `ConfigurationError`."""
    problems: list[Problem] = []
    _refuse_unknown(document, [*SECTIONS, *LISTS], path="", problems=problems)
    sections: dict[str, Any] = {
        name: read_table(cls, section(document, name, environment, problems), path=name, problems=problems)
        for name, cls in SECTIONS.items()
    }
    lists: dict[str, Any] = {name: read_list(name, document, environment, problems) for name in LISTS}
    settings = Settings(**sections, **lists)
    unread = [problem.path for problem in problems]
    # What could not be read stands at its default here, so that nothing more is said of it.
    checked = problems_of(settings, insecure_plaintext=insecure_plaintext)
    problems += [problem for problem in checked if not problem.concerns(unread)]
    if problems:
        raise ConfigurationError(problems)
    return settings


def section(
    document: Mapping[str, Any], name: str, environment: Mapping[str, str], problems: list[Problem]
) -> Mapping[str, Any]:
    """One section of a document, with what the environment sets over it; what is none is a problem."""
    table = document.get(name, {})
    if not isinstance(table, dict):
        problems.append(Problem(name, shown(table), f"a table, written [{name}]"))
        return {}
    return {**table, **_overrides(name, environment)}


def _overrides(section: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """What the environment sets in a section: `SESSIOND_SERVER_LISTEN` is `server.listen`."""
    overrides = {}
    for field in dataclasses.fields(SECTIONS[section]):
        text = environment.get(f"{_PREFIX}{section}_{field.name}".upper())
        if text is not None and "setting" in field.metadata:
            overrides[field.name] = field.metadata["setting"].kind.from_text(text)
    return overrides


def read_list(
    name: str, document: Mapping[str, Any], environment: Mapping[str, str], problems: list[Problem]
) -> tuple[Any, ...]:
    """One list of tables as their settings class, each over its preset."""
    tables = _tables(document.get(name, []), path=name, written=name, problems=problems)
    if name == "issuers":
        tables = [with_preset(table, environment=environment) for table in tables]
    if name == "workload_issuers":
        tables = [with_workload_preset(table) for table in tables]
    return _read_each(LISTS[name], tables, path=name, problems=problems)


def _tables(value: object, *, path: str, written: str, problems: list[Problem]) -> list[dict[str, Any]]:
    if isinstance(value, list) and all(isinstance(table, dict) for table in value):
        return value
    problems.append(Problem(path, shown(value), f"tables, written [[{written}]]"))
    return []


def _read_each(
    cls: type[TableT], tables: list[dict[str, Any]], *, path: str, problems: list[Problem]
) -> tuple[TableT, ...]:
    return tuple(
        read_table(cls, table, path=f"{path}[{index}]", problems=problems)
        for index, table in enumerate(tables)
    )


def read_table(cls: type[TableT], table: Mapping[str, Any], *, path: str, problems: list[Problem]) -> TableT:
    """One table as its settings class.

    What could not be read is a problem, and stays at its default or is a stand-in.
    """
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    _refuse_unknown(table, fields, path=f"{path}.", problems=problems)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        at, setting = f"{path}.{name}", field.metadata.get("setting")
        if name in table:
            value = _value(setting, name, table[name], path=at, problems=problems)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            problems.append(Problem(at, "nothing", field.metadata["setting"].kind.allowed))
            value = _Unread.VALUE
        else:
            continue
        if value is not _Unread.VALUE:
            values[name] = value
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            values[name] = _STAND_INS[field.metadata["setting"].kind.name]
    return cls(**values)


def _value(setting: Setting | None, name: str, value: object, *, path: str, problems: list[Problem]) -> Any:
    if setting is None:
        if name in INNER_LISTS:
            tables = _tables(value, path=path, written=f"issuers.{name}", problems=problems)
            return _read_each(INNER_LISTS[name], tables, path=path, problems=problems)
        if isinstance(value, dict):
            return read_table(INNER[name], value, path=path, problems=problems)
        problems.append(Problem(path, shown(value), "a table"))
        return _Unread.VALUE
    try:
        return setting.kind.read(value)
    except NotAllowedError as error:
        problems.append(Problem(path, error.found or shown(value), setting.kind.allowed))
        return _Unread.VALUE


def _refuse_unknown(
    table: Mapping[str, Any], known: Collection[str], *, path: str, problems: list[Problem]
) -> None:
    problems.extend(
        Problem(f"{path}{name}", "an unknown key", f"one of {', '.join(sorted(known))}")
        for name in table
        if name not in known
    )


def _place_of_error(error: tomllib.TOMLDecodeError) -> str:
    found = _PLACE.search(str(error))
    return f" ({found[1] or found[2]})" if found else ""
