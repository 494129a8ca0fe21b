"""What files hold, read again when they change."""

from __future__ import annotations

import math
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

from sessiond_server.adapters.secrets.certificates import certificates_in
from sessiond_server.adapters.secrets.key_files import KeyFileError, read_private_file, read_text
from sessiond_server.service.logger import Logger

T = TypeVar("T")

_Stamp: TypeAlias = tuple[tuple[int, int, int], ...]


class Watched(Generic[T]):
    """What the files held when they could last be used.

    They are looked at whenever somebody asks. Where they cannot be used any more, or do not belong together,
    what they held before stays in use, and that is said once for each change.
    """

    def __init__(self, paths: tuple[Path, ...], read: Callable[[], T], *, logger: Logger) -> None:
        """Read the files; raises `KeyFileError`."""
        self._paths = paths
        self._read = read
        self._logger = logger
        self._stamp = self._stamp_now()
        self._value = read()

    def current(self) -> T:
        """What they hold."""
        stamp = self._stamp_now()
        if stamp != self._stamp:
            self._stamp = stamp
            self._read_again()
        return self._value

    def _read_again(self) -> None:
        files = list(map(str, self._paths))
        try:
            self._value = self._read()
        except KeyFileError as error:
            self._logger.error(
                "new files cannot be used, what was read before stays",
                files=files,
                why=str(error),
            )
        else:
            self._logger.info("new files are in use", files=files)

    def _stamp_now(self) -> _Stamp:
        return tuple(map(_stamp, self._paths))


def watched_text(path: Path, *, logger: Logger) -> Watched[str]:
    """The text of a file without its trailing white space; raises `KeyFileError`."""
    return Watched((path,), partial(read_text, path), logger=logger)


class WatchedTls(Watched[ssl.SSLContext]):
    """What a connection is made with to a server whose certificate is of the authorities in `ca_file`.

    Without `ca_file` they are those of the machine.
    """

    def __init__(
        self, ca_file: Path | None, cert_file: Path | None, key_file: Path | None, *, logger: Logger
    ) -> None:
        """Read the files; raises `KeyFileError`."""
        self.shows_certificate = cert_file is not None
        self._expires_at = math.inf
        paths = tuple(path for path in (ca_file, cert_file, key_file) if path)
        super().__init__(paths, partial(self._read_files, ca_file, cert_file, key_file), logger=logger)

    def expires_at(self) -> float:
        """When the certificate that we show expires, in seconds since 1970; infinite where we show none."""
        self.current()
        return self._expires_at

    def _read_files(
        self, ca_file: Path | None, cert_file: Path | None, key_file: Path | None
    ) -> ssl.SSLContext:
        context = _tls(ca_file, cert_file, key_file)
        if cert_file:
            (certificate, *_) = certificates_in(read_private_file(cert_file), cert_file)
            self._expires_at = certificate.not_valid_after_utc.timestamp()
        return context


def _tls(ca_file: Path | None, cert_file: Path | None, key_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=_authorities(ca_file) if ca_file else None)
    if cert_file and key_file:
        for path in (cert_file, key_file):
            read_private_file(path)
        try:
            # Of an encrypted key nobody is asked for the password.
            context.load_cert_chain(cert_file, key_file, password=str)
        except (ssl.SSLError, ValueError) as error:
            raise KeyFileError(f"{cert_file}: is no certificate of the key in {key_file}") from error
        except OSError as error:
            raise KeyFileError(f"{cert_file}: {error.strerror}") from error
    return context


def _authorities(ca_file: Path) -> str:
    pem = read_private_file(ca_file)
    certificates_in(pem, ca_file)
    return pem.decode("ascii", "replace")


def _stamp(path: Path) -> tuple[int, int, int]:
    """Which file it is, and whether it was written since; a file that is away has a stamp too."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_ino, found.st_size)
