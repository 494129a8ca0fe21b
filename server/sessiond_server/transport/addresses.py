"""Makes sure that nobody else listens where the server is to listen."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sessiond_server.domain.address import Address, AddressError

# Whoever is to call through the socket enters by the group.
_PARENT_MODE: Final = 0o750


def refuse_taken(address: Address) -> None:
    """Raise `AddressError` where the port of a network address cannot be had.

    gRPC would write about it to standard error as well.
    """
    try:
        family, *_, sockaddr = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        socket.create_server(sockaddr[:2], family=family).close()
    except OSError as error:
        # Python adds to the system's reason, in brackets, which address it was.
        reason = str(error.strerror).partition(" (")[0]
        raise AddressError(f"{address} cannot be listened on: {reason}") from error


@contextmanager
def shared_port(address: Address) -> Iterator[Address]:
    """Hold a port for processes of ours that listen there together; the address with its true port.

    What holds it does not listen: calls come to those processes alone. Raises `AddressError`.
    """
    refuse_taken(address)
    family, *_, sockaddr = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family) as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            held.bind(sockaddr)
        except OSError as error:
            raise AddressError(f"{address} cannot be listened on: {error.strerror}") from error
        yield address.with_port(held.getsockname()[1])


@contextmanager
def lock_socket(path: Path) -> Iterator[None]:
    """Hold the right to bind `path`: binding would silently steal a live server's socket.

    A parent directory that is missing is made, for us and our group. Raises `AddressError` where the
    directory is not ours or anyone may write to it, or where another server listens.
    """
    _make_parent(path.parent)
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


def require_free_socket(path: Path) -> None:
    """Raise `AddressError` where `path` cannot be bound; nothing is made there, its directory neither."""
    if path.parent.exists():
        _check_parent(path.parent)
    if _answers(path):
        raise AddressError(f"unix:{path} is in use by another server")


@contextmanager
def private_umask() -> Iterator[None]:
    """Make what is made meanwhile for this user alone; for the start, because it is the whole process's."""
    former = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(former)


def _make_parent(parent: Path) -> None:
    try:
        parent.mkdir(mode=_PARENT_MODE)
    except FileExistsError:
        return
    except OSError as error:
        raise AddressError(f"the directory {parent} of the socket: {error.strerror}") from error


def _check_parent(parent: Path) -> None:
    try:
        found = parent.stat()
    except OSError as error:
        raise AddressError(f"the directory {parent} of the socket: {error.strerror}") from error
    if found.st_uid not in {os.geteuid(), 0}:
        raise AddressError(
            f"the directory {parent} of the socket belongs to user {found.st_uid}: "
            "allowed are this user and root"
        )
    if found.st_mode & stat.S_IWOTH:
        raise AddressError(
            f"the directory {parent} of the socket can be written by anyone: use a directory of your own"
        )


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
