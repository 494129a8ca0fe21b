"""Where the server listens: loopback, network or Unix socket, and that nobody else listens there."""

from __future__ import annotations

import fcntl
import ipaddress
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
        raise AddressError(f"{text!r} is too long for a Unix socket: allowed are {_MAX_SOCKET_PATH_BYTES} bytes")
    return path


def refuse_taken(address: Address) -> None:
    """Raise `AddressError` where the port of a network address cannot be had; gRPC would also write of it to standard error."""
    try:
        family, *_, sockaddr = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        socket.create_server(sockaddr[:2], family=family).close()
    except OSError as error:
        # Python adds to the system's reason, in brackets, which address it was.
        reason = str(error.strerror).partition(" (")[0]
        raise AddressError(f"{address} cannot be listened on: {reason}") from error


@contextmanager
def socket_claimed(path: Path) -> Iterator[None]:
    """Hold the right to bind `path`: binding would silently steal a live server's socket.

    Raises `AddressError` where the parent directory is not ours or anyone may write to it, or another server listens.
    """
    _check_parent(path.parent)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AddressError(f"unix:{path} is in use by another sessiond") from None
        if _answers(path):
            raise AddressError(f"unix:{path} is in use by another server")
        yield
    finally:
        os.close(lock)


def _check_parent(parent: Path) -> None:
    try:
        found = parent.stat()
    except OSError as error:
        raise AddressError(f"the directory {parent} of the socket: {error.strerror}") from error
    if found.st_uid not in {os.geteuid(), 0}:
        raise AddressError(f"the directory {parent} of the socket belongs to user {found.st_uid}: allowed are this user and root")
    if found.st_mode & stat.S_IWOTH:
        raise AddressError(f"the directory {parent} of the socket can be written by anyone: use a directory of your own")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
