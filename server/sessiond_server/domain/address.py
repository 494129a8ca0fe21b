"""Where a server listens: loopback, network or Unix socket."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MAX_PORT: Final = 65535
_UNIX_PREFIX: Final = "unix:"
# sockaddr_un holds 108 bytes, the terminating zero included.
_MAX_SOCKET_PATH_BYTES: Final = 107


class AddressError(Exception):
    """An address that cannot be listened on; the message is one line for a person."""


@dataclass(frozen=True, slots=True)
class Address:
    """`host:port`, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `host:port`, `[v6]:port` or `unix:PATH`; raises `AddressError`."""
        if text.startswith(_UNIX_PREFIX):
            return cls(path=_socket_path(text))
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isdecimal() or int(port) > _MAX_PORT:
            raise AddressError(f"{text!r} is no address: allowed are HOST:PORT, [IPV6]:PORT and unix:PATH")
        return cls(host=host, port=int(port))

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        if self.path or self.host == "localhost":
            return True
        with suppress(ValueError):
            return ipaddress.ip_address(self.host).is_loopback
        return False

    def with_port(self, port: int) -> Address:
        """The same with the port that the system chose for port 0."""
        return self if self.path else Address(host=self.host, port=port)

    def __str__(self) -> str:
        """The form that gRPC takes."""
        if self.path:
            return f"{_UNIX_PREFIX}{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _socket_path(text: str) -> Path:
    path = Path(text.removeprefix(_UNIX_PREFIX).removeprefix("//")).absolute()
    if len(os.fsencode(path)) > _MAX_SOCKET_PATH_BYTES:
        raise AddressError(
            f"{text!r} is too long for a Unix socket: allowed are {_MAX_SOCKET_PATH_BYTES} bytes"
        )
    return path
