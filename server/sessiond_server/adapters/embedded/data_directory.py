"""The directory of an embedded store: whose it is, who holds it, and the files that sessiond keeps in it."""

from __future__ import annotations

import base64
import fcntl
import os
import secrets
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# `sun_path` holds 108 bytes on Linux and 104 on macOS, the last of them zero.
LONGEST_SOCKET_PATH: Final = 100


class DataDirectoryError(Exception):
    """The directory cannot be used; the message is one line for a person."""


class DirectoryHeldError(DataDirectoryError):
    """Another sessiond runs the store of the directory."""


def private_directory(directory: Path) -> Path:
    """The absolute path of `directory`, made with mode 0700 where it is missing.

    Raises:
        DataDirectoryError: it is not a directory, it is not ours, or others may enter it.
    """
    path = directory.absolute()
    with in_one_line(path):
        with suppress(FileExistsError):
            path.mkdir(mode=0o700, parents=True)
        refuse_unless_private(path)
    return path


def refuse_unless_private(path: Path) -> None:
    """Raise DataDirectoryError unless `path` is a directory that is ours and that nobody else may enter."""
    found = path.stat()
    mode, user = stat.S_IMODE(found.st_mode), os.geteuid()
    if not stat.S_ISDIR(found.st_mode):
        raise DataDirectoryError(f"{path}: is not a directory")
    if found.st_uid != user:
        raise DataDirectoryError(
            f"{path}: belongs to user {found.st_uid}; it must belong to {user}, who runs sessiond"
        )
    if mode & 0o077:
        raise DataDirectoryError(f"{path}: has mode {mode:04o}; allowed is 0700, nothing for group or others")


@contextmanager
def in_one_line(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into an error of one line that names `path`."""
    try:
        yield
    except OSError as error:
        raise DataDirectoryError(f"{error.filename or path}: {error.strerror or 'cannot be used'}") from error


def try_lock(path: Path) -> int | None:
    """Lock the file `path`; None while another holds it.

    Returns a descriptor: the lock lasts until the descriptor, and each copy of it that a child inherited, is
    closed. So the kernel releases it exactly when the last of these processes is gone.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold `directory` for one sessiond.

    Raises:
        DirectoryHeldError: another sessiond holds it.
    """
    with in_one_line(directory):
        descriptor = try_lock(directory / "lock")
    if descriptor is None:
        raise DirectoryHeldError(
            f"{directory}: another sessiond runs its store; share it with --join {directory}"
        )
    try:
        yield
    finally:
        os.close(descriptor)


def random_key() -> bytes:
    """Base64 of 32 random bytes: what a key file holds."""
    return base64.b64encode(secrets.token_bytes(32))


def secret_file(directory: Path, name: str, *, create: Callable[[], bytes] = random_key) -> Path:
    """The file `name` in `directory`, mode 0600: made once with what `create` gives, and never overwritten.

    Creators that race agree on the secret of the first.

    Raises:
        DataDirectoryError: the directory or the file cannot be made, or others may enter the directory.
    """
    path = private_directory(directory) / name
    with in_one_line(path):
        if not path.exists():
            draft = _draft(path, create())
            try:
                # A link appears whole or not at all, and unlike a rename it never replaces what is there.
                with suppress(FileExistsError):
                    path.hardlink_to(draft)
            finally:
                draft.unlink()
            sync_directory(path.parent)
    return path


def publish_socket(directory: Path) -> Path:
    """Choose where the store of `directory` listens, and say so in its file `socket` for those who join."""
    with in_one_line(directory):
        path = _socket_path(directory)
        _draft(directory / "socket", os.fsencode(path) + b"\n").replace(directory / "socket")
    return path


def withdraw_socket(directory: Path, socket_path: Path) -> None:
    """Undo `publish_socket`, once no server listens there."""
    with suppress(OSError):
        (directory / "socket").unlink()
        if socket_path.parent != directory:
            socket_path.unlink(missing_ok=True)
            socket_path.parent.rmdir()


def published_socket(directory: Path) -> Path | None:
    """Where the store of `directory` was last said to listen; None where nothing has been said."""
    try:
        return Path(os.fsdecode((directory / "socket").read_bytes().removesuffix(b"\n")))
    except FileNotFoundError:
        return None


def _socket_path(directory: Path) -> Path:
    near = directory / "valkey.sock"
    if _fits(near):
        return near
    former = published_socket(directory)
    # After a crash its server may still listen there, and whoever joined it still looks there.
    if former is not None and _fits(former) and _is_private(former.parent):
        return former
    far = Path(tempfile.mkdtemp(prefix="sessiond-")) / "valkey.sock"
    if _fits(far):
        return far
    far.parent.rmdir()
    raise DataDirectoryError(f"{far}: is too long for a socket; set TMPDIR to a shorter path")


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= LONGEST_SOCKET_PATH


def _is_private(path: Path) -> bool:
    """Whether `path` itself, not the target of a link of that name, is a directory that is ours alone."""
    try:
        refuse_unless_private(path)
    except (OSError, DataDirectoryError):
        return False
    return not path.is_symlink()


def _draft(path: Path, content: bytes) -> Path:
    """Write a complete, durable file of mode 0600 beside `path`, which is then linked or renamed to it."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def sync_directory(directory: Path) -> None:
    """Make the directory's new names durable: to lose a pepper in a power cut would end every session."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
