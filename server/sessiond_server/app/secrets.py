"""What the files that the settings name hold: read once, at the start, and every mistake is told at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product, starmap
from pathlib import Path
from typing import TypeVar

from sessiond_server.adapters.embedded.data_directory import secret_file
from sessiond_server.adapters.jwt.client_assertion import AssertionKey
from sessiond_server.adapters.jwt.local_issuer import SigningKey
from sessiond_server.adapters.jwt.verification import KeyUnfitError
from sessiond_server.adapters.secrets.certificates import WatchedCertificate, require_certificates
from sessiond_server.adapters.secrets.key_files import (
    KeyFileError,
    is_readable_by_all,
    read_key,
    read_private_file,
    read_text,
)
from sessiond_server.adapters.secrets.watched import WatchedTls, watched_text
from sessiond_server.adapters.store.open import Identity
from sessiond_server.app.client_credentials import ClientName, ClientSecrets, clients_of, watched_key
from sessiond_server.app.key_directory import PEPPER, SEALING, SIGNING, KeyKind, key_files
from sessiond_server.config.problems import ConfigurationError, Problem
from sessiond_server.config.settings import (
    CallerSettings,
    IssuerSettings,
    Settings,
    StoreSettings,
)
from sessiond_server.config.workload_settings import WorkloadIssuerSettings
from sessiond_server.domain.caller import Caller
from sessiond_server.service.callers import KnownCaller, Workload
from sessiond_server.service.logger import Logger

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False)
class Secrets:
    """Every secret that the server runs with."""

    peppers: tuple[bytes, ...]
    sealing: tuple[bytes, ...]
    signing_keys: tuple[SigningKey, ...]
    callers: tuple[KnownCaller, ...]
    client_secrets: ClientSecrets
    store_identity: Identity
    sentinel_identity: Identity
    store_tls: WatchedTls | None
    certificate: WatchedCertificate | None


def load_secrets(settings: Settings, *, directory: Path | None, logger: Logger) -> Secrets:
    """Read the files that the settings name.

    `directory` is that of an embedded store, if there is one: keys that are not named are created in it.

    Raises:
        ConfigurationError: files cannot be used.
        DataDirectoryError: keys cannot be created.
    """
    reader = _Reader(logger)
    secrets = Secrets(
        peppers=reader.keys(*_listed("pepper_files", PEPPER, settings, directory)),
        sealing=reader.keys(*_listed("sealing_files", SEALING, settings, directory)),
        signing_keys=reader.signing_keys(settings, directory),
        callers=reader.callers(settings),
        client_secrets=reader.client_secrets(settings.issuers),
        store_identity=reader.identity(settings.store, "username", "password_file"),
        sentinel_identity=reader.identity(settings.store, "sentinel_username", "sentinel_password_file"),
        store_tls=reader.store_tls(settings.store),
        certificate=reader.certificate(settings),
    )
    reader.workload_issuers(settings.workload_issuers)
    if reader.problems:
        raise ConfigurationError(reader.problems)
    return secrets


def _listed(
    name: str, kind: KeyKind, settings: Settings, directory: Path | None
) -> tuple[str, tuple[Path, ...]]:
    """Which setting says where the keys of a kind are, and their files."""
    files: tuple[Path, ...] = getattr(settings.keys, name)
    setting = f"keys.{name}" if files or settings.keys.directory is None else "keys.directory"
    return setting, files or files_in(settings, directory, kind)


def files_in(settings: Settings, directory: Path | None, kind: KeyKind) -> tuple[Path, ...]:
    """The files of keys that no list names; in the directory of an embedded store the first is created."""
    if settings.keys.directory:
        # That it is not there is told by whoever reads it.
        named = settings.keys.directory
        return key_files(named, kind) or (named / kind.file,)
    if directory is None:
        return ()
    secret_file(directory, kind.file, create=kind.create)
    return key_files(directory, kind)


@dataclass
class _Reader:
    """Reads files of many kinds, and goes on after each mistake."""

    logger: Logger
    problems: list[Problem] = field(default_factory=list)
    # Where each key has been seen, by its digest: a key that plays two parts is a mistake.
    seen: dict[bytes, str] = field(default_factory=dict)

    def keys(self, path: str, files: tuple[Path, ...]) -> tuple[bytes, ...]:
        """The keys in `files`."""
        return tuple(self._each(path, files, self._key))

    def signing_keys(self, settings: Settings, directory: Path | None) -> tuple[SigningKey, ...]:
        """The local issuer's keys; empty where no local issuer is configured."""
        for index, issuer in enumerate(settings.issuers):
            if issuer.is_local:
                files = issuer.signing_key_files or files_in(settings, directory, SIGNING)
                keys = tuple(self._each(f"issuers[{index}].signing_key_files", files, _signing_key))
                if len({key.key_id for key in keys}) < len(keys):
                    self.problems.append(
                        Problem(f"issuers[{index}].signing_key_files", "the same key twice", "each key once")
                    )
                return keys
        return ()

    def callers(self, settings: Settings) -> tuple[KnownCaller, ...]:
        """The callers with the digests of their keys."""
        return tuple(
            self._caller(f"callers[{index}].key_files", one, settings.workload_issuers_of(one))
            for index, one in enumerate(settings.callers)
        )

    def client_secrets(self, issuers: tuple[IssuerSettings, ...]) -> ClientSecrets:
        """What our clients prove themselves with at providers, which is watched from now on."""
        secrets: dict[ClientName, Callable[[], str]] = {}
        keys: dict[ClientName, Callable[[], AssertionKey]] = {}
        for path, name, client in clients_of(issuers):
            if client.client_secret_file:
                with self._collected(f"{path}.client_secret_file"):
                    secrets[name] = watched_text(client.client_secret_file, logger=self.logger).current
            if client.client_key_file:
                with self._collected(f"{path}.client_key_file"):
                    keys[name] = watched_key(client.client_key_file, client, logger=self.logger).current
        return ClientSecrets(secrets, keys)

    def identity(self, store: StoreSettings, username: str, password_file: str) -> Identity:
        """Who we are at the store, or at its sentinels; the password is watched from now on."""
        file: Path | None = getattr(store, password_file)
        if file:
            with self._collected(f"store.{password_file}"):
                return Identity(getattr(store, username), watched_text(file, logger=self.logger).current)
        return Identity(getattr(store, username))

    def store_tls(self, store: StoreSettings) -> WatchedTls | None:
        """What connections to the store are made with, where it is with TLS; the files are watched."""
        if not store.is_tls:
            return None
        files = {name: getattr(store, name) for name in ("ca_file", "cert_file", "key_file")}
        before = len(self.problems)
        for name, file in files.items():
            if file:
                with self._collected(f"store.{name}"):
                    read_private_file(file)
        if len(self.problems) == before:
            with self._collected(f"store.{'cert_file' if store.cert_file else 'ca_file'}"):
                return WatchedTls(**files, logger=self.logger)
        return None

    def workload_issuers(self, issuers: tuple[WorkloadIssuerSettings, ...]) -> None:
        """Judge what workload issuers are asked with; it is read when they are asked."""
        for index, issuer in enumerate(issuers):
            at = f"workload_issuers[{index}]"
            if issuer.ca_file:
                with self._collected(f"{at}.ca_file"):
                    require_certificates(issuer.ca_file)
            if issuer.token_file:
                with self._collected(f"{at}.token_file"):
                    read_text(issuer.token_file)

    def certificate(self, settings: Settings) -> WatchedCertificate | None:
        """The server's certificate, which is watched from now on."""
        tls = settings.server.tls
        if tls is None:
            return None
        with self._collected("server.tls"):
            return WatchedCertificate(tls.cert_file, tls.key_file, tls.client_ca_file, logger=self.logger)
        return None

    def _caller(self, path: str, caller: CallerSettings, workload_issuers: tuple[str, ...]) -> KnownCaller:
        digests = tuple(self._each(path, caller.key_files, self._key_digest))
        return KnownCaller(
            Caller(
                caller.name,
                frozenset(caller.groups),
                issuers=None if caller.issuers is None else frozenset(caller.issuers),
                client_ids=None if caller.client_ids is None else frozenset(caller.client_ids),
            ),
            digests,
            frozenset(caller.identities),
            frozenset(starmap(Workload, product(workload_issuers, caller.workloads))),
        )

    def _key(self, file: Path) -> bytes:
        key = read_key(file)
        digest = hashlib.sha256(key).digest()
        if digest in self.seen:
            raise KeyFileError(f"{file}: holds the same key as {self.seen[digest]}")
        self.seen[digest] = str(file)
        if is_readable_by_all(file):
            self.logger.warning("a key file can be read by every user", file=str(file))
        return key

    def _key_digest(self, file: Path) -> bytes:
        self._key(file)
        return hashlib.sha256(read_text(file).encode()).digest()

    def _each(self, path: str, files: tuple[Path, ...], read: Callable[[Path], T]) -> Iterator[T]:
        for file in files:
            with self._collected(path):
                yield read(file)

    @contextmanager
    def _collected(self, path: str) -> Iterator[None]:
        try:
            yield
        except KeyFileError as error:
            self.problems.append(Problem(path, str(error), "a file that can be used"))


def _signing_key(file: Path) -> SigningKey:
    try:
        return SigningKey.from_pem(read_private_file(file))
    except KeyUnfitError as error:
        raise KeyFileError(f"{file}: {error}") from error
