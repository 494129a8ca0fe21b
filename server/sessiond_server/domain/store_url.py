"""Where a store is, as its URL says it: one node, a primary that sentinels watch, or a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from sessiond_server.domain.address import Address

_MAX_PORT: Final = 65_535
_MAX_SHOWN: Final = 80
# As many as one may name; others are learned from them.
MAX_NAMED_NODES: Final = 32
_FORM: Final = re.compile(r"([a-z0-9+]*)://([^/]*)(/.*)?")
_DATABASE: Final = re.compile(r"\d{1,4}")
_PRIMARY_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_NODE: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+))(?::(\d{1,5}))?")


class StoreKind(Enum):
    """How the node is found that takes writes."""

    NODE = "node"
    """It is the one that is named."""
    SENTINEL = "sentinel"
    """Sentinels are asked which one it is."""
    CLUSTER = "cluster"
    """The nodes of a cluster tell which of them it is, for each partition."""


_UNIX: Final = "unix"
_DEFAULT_PORTS: Final = {StoreKind.NODE: 6379, StoreKind.SENTINEL: 26_379, StoreKind.CLUSTER: 6379}
SCHEMES: Final = {
    "redis": StoreKind.NODE,
    "rediss": StoreKind.NODE,
    _UNIX: StoreKind.NODE,
    "redis+sentinel": StoreKind.SENTINEL,
    "rediss+sentinel": StoreKind.SENTINEL,
    "redis+cluster": StoreKind.CLUSTER,
    "rediss+cluster": StoreKind.CLUSTER,
}


class StoreUrlError(Exception):
    """It is no URL of a store: what was found, and what is allowed. A password in it is not repeated."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(f"{found}; allowed: {allowed}")
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class StoreUrl:
    """A store's URL in its parts.

    `nodes` are those that are named: the store itself, sentinels, or any nodes of a cluster. Behind a Unix
    socket there is its `path` instead. `primary_name` is what sentinels call the store.
    """

    kind: StoreKind
    nodes: tuple[Address, ...] = ()
    path: str = ""
    database: int = 0
    primary_name: str = ""
    is_tls: bool = False

    @classmethod
    def parse(cls, text: str) -> StoreUrl:
        """Read a URL; raises `StoreUrlError`."""
        scheme, found = text.partition(":")[0], _FORM.fullmatch(text)
        if found is None or scheme not in SCHEMES:
            raise StoreUrlError(f"the scheme {_quoted(scheme)}", f"{', '.join(SCHEMES)} and embedded:DIR")
        _, netloc, path = found.groups(default="")
        if "@" in netloc:
            raise StoreUrlError("credentials in the address", "store.username and store.password_file")
        if "?" in text or "#" in text:
            raise StoreUrlError("options in the address", "an address without ? and #")
        if scheme == _UNIX:
            return cls._of_a_socket(netloc, path)
        kind, is_tls, name = SCHEMES[scheme], scheme.startswith("rediss"), path.removeprefix("/")
        nodes = tuple(_nodes(netloc, port=_DEFAULT_PORTS[kind]))
        if kind is StoreKind.NODE:
            return cls(kind, _only(nodes), database=_database(name), is_tls=is_tls)
        if kind is StoreKind.SENTINEL:
            return cls(kind, nodes, primary_name=_primary_name(name), is_tls=is_tls)
        if name:
            raise StoreUrlError(
                f"the database {_quoted(name)} of a cluster, which has one", "nothing behind /"
            )
        return cls(kind, nodes, is_tls=is_tls)

    @classmethod
    def _of_a_socket(cls, netloc: str, path: str) -> StoreUrl:
        if netloc or not path.strip("/"):
            raise StoreUrlError(f"the host {_quoted(netloc)}" if netloc else "no path", "unix:///PATH")
        return cls(StoreKind.NODE, path=unquote(path))

    @property
    def is_local(self) -> bool:
        """Whether only this machine is named."""
        return all(node.is_local for node in self.nodes)


def socket_url(path: Path) -> str:
    """The URL of a store behind this socket."""
    return f"{_UNIX}://{quote(str(path))}"


def _nodes(netloc: str, *, port: int) -> Iterator[Address]:
    named = netloc.split(",")
    if len(named) > MAX_NAMED_NODES:
        raise StoreUrlError(f"{len(named)} addresses", f"at most {MAX_NAMED_NODES}")
    for one in named:
        found = _NODE.fullmatch(one)
        number = int(found[3] or port) if found else 0
        if found is None or not 0 < number <= _MAX_PORT:
            allowed = f"HOST, HOST:PORT or [IPV6]:PORT, with a port from 1 to {_MAX_PORT}"
            raise StoreUrlError(f"the address {_quoted(one)}", allowed)
        yield Address(host=found[1] or found[2], port=number)


def _only(nodes: tuple[Address, ...]) -> tuple[Address, ...]:
    if len(nodes) > 1:
        raise StoreUrlError(
            f"{len(nodes)} addresses of one node", "one, or redis+sentinel:// or redis+cluster://"
        )
    return nodes


def _database(name: str) -> int:
    if name and not _DATABASE.fullmatch(name):
        raise StoreUrlError(f"the database {_quoted(name)}", "a number, or nothing")
    return int(name or 0)


def _primary_name(name: str) -> str:
    if not _PRIMARY_NAME.fullmatch(name):
        allowed = "redis+sentinel://HOST:PORT,HOST:PORT/NAME, with the name that sentinels have for it"
        raise StoreUrlError(f"the primary's name {_quoted(name)}", allowed)
    return name


def _quoted(text: str) -> str:
    """As a message shows it."""
    return f'"{text}"' if len(text) <= _MAX_SHOWN else f"{len(text)} characters"
