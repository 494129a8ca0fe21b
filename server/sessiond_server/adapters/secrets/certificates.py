"""Certificate files of the server: read, checked, and read again when they change."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import Certificate as X509Certificate
from cryptography.x509 import load_pem_x509_certificates
from typing_extensions import override

from sessiond_server.adapters.secrets.key_files import KeyFileError, read_private_file
from sessiond_server.service.certificates import Certificate, CertificateSource
from sessiond_server.service.logger import Logger

_Stamp: TypeAlias = tuple[tuple[int, int, int], ...]


class WatchedCertificate(CertificateSource):
    """What the files held when they were last whole.

    Files are replaced one after the other: while key and certificate do not belong together, the former pair
    stays in use.
    """

    def __init__(
        self, cert_file: Path, key_file: Path, client_ca_file: Path | None, *, logger: Logger
    ) -> None:
        """Read the files; raises `KeyFileError`."""
        self._cert_file = cert_file
        self._key_file = key_file
        self._client_ca_file = client_ca_file
        self._logger = logger
        # gRPC asks on several threads at once.
        self._lock = threading.Lock()
        self._stamp = self._stamp_now()
        self._files = self._read()

    @property
    def expires_at(self) -> float:
        """When the certificate expires, seconds since 1970."""
        return self._files.expires_at

    @override
    def current(self) -> Certificate:
        return self._files

    @override
    def changed(self) -> Certificate | None:
        with self._lock:
            try:
                stamp = self._stamp_now()
                if stamp == self._stamp:
                    return None
                self._files = self._read()
            except KeyFileError as error:
                self._logger.error(
                    "new certificate files cannot be used, the former ones stay", why=str(error)
                )
                return None
            self._stamp = stamp
        self._logger.info("new certificate files are in use", expires_at=int(self.expires_at))
        return self._files

    def _paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self._cert_file, self._key_file, self._client_ca_file) if path)

    def _stamp_now(self) -> _Stamp:
        try:
            found = [path.stat() for path in self._paths()]
        except OSError as error:
            raise KeyFileError(f"{error.filename}: {error.strerror}") from error
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in found)

    def _read(self) -> Certificate:
        chain, key = read_private_file(self._cert_file), read_private_file(self._key_file)
        certificate = certificates_in(chain, self._cert_file)[0]
        if _public_key(key, self._key_file) != _encoded(certificate):
            raise KeyFileError(f"{self._key_file}: is not the key of {self._cert_file}")
        authorities = None
        if self._client_ca_file:
            authorities = read_private_file(self._client_ca_file)
            certificates_in(authorities, self._client_ca_file)
        return Certificate(chain, key, authorities, certificate.not_valid_after_utc.timestamp())


def require_certificates(path: Path) -> None:
    """Raise `KeyFileError` where a file holds no certificates, or is one that others may have written."""
    certificates_in(read_private_file(path), path)


def certificates_in(pem: bytes, path: Path) -> list[X509Certificate]:
    """The certificates in what `path` holds; raises `KeyFileError` where there is none."""
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise KeyFileError(f"{path}: holds no PEM certificate") from None


def _public_key(pem: bytes, path: Path) -> bytes:
    try:
        public = load_pem_private_key(pem, password=None).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise KeyFileError(f"{path}: holds no unencrypted PEM private key") from None
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _encoded(certificate: X509Certificate) -> bytes:
    return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
