"""Which of our keys a configuration has, whether servers agree about them, and which of them are needed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from typing_extensions import override

from sessiond_server.adapters.embedded.data_directory import DataDirectoryError
from sessiond_server.adapters.store.open import sealing_key_id
from sessiond_server.adapters.telemetry.prometheus import PrometheusTelemetry
from sessiond_server.app.build import build
from sessiond_server.app.check import open_running_store
from sessiond_server.app.key_directory import PEPPER, SEALING, SIGNING, KeyKind
from sessiond_server.app.secrets import Secrets, files_in, load_secrets
from sessiond_server.app.serve import StartError
from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.settings import EMBEDDED, Settings
from sessiond_server.domain.failures import StoreUnavailableError
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.refresh_token import Pepper
from sessiond_server.domain.revocation import RevocationType
from sessiond_server.service.logger import Logger
from sessiond_server.service.storage.key_use import KeyUse

_NO_FILE: Final = ""


@dataclass(frozen=True, slots=True)
class KeyFinding:
    """A key: its kind and id, its file, whether it is the one in use, and how much of the store needs it.

    `needed_by` is None where that cannot be told: for signing keys, and where the store does not answer.
    A key without a file is one that is needed, and not here.
    """

    kind: str
    id: str
    file: str
    is_in_use: bool
    needed_by: int | None


@dataclass(frozen=True, slots=True)
class KeyReport:
    """All keys of one configuration; `is_complete` says that everything in the store was looked at."""

    keys: Sequence[KeyFinding]
    answers: bool
    is_complete: bool
    remarks: Sequence[str] = field(default=())

    @property
    def missing(self) -> list[KeyFinding]:
        """The keys that sessions need and that are not here."""
        return [one for one in self.keys if not one.file]


class _Remarks(Logger):
    """Keeps what is to be said of files that were read."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @override
    def info(self, event: str, **fields: object) -> None:
        """Nothing of this weight is said of a file."""

    @override
    def warning(self, event: str, **fields: object) -> None:
        self.said.append(" ".join([event, *map(str, fields.values())]))

    error = warning


async def check_keys(settings: Settings, *, at_most: int, logger: Logger) -> KeyReport:
    """Read the keys of a configuration, and count what needs them in `at_most` records of its store.

    Raises:
        StartError: the service could not start with these settings.
    """
    remarks = _Remarks()
    async with AsyncExitStack() as stack:
        try:
            telemetry = PrometheusTelemetry()
            url, directory = await open_running_store(settings, stack, telemetry=telemetry, logger=logger)
            secrets = load_secrets(settings, directory=directory, logger=remarks)
            app = await build(
                settings, secrets, store_url=url, stack=stack, telemetry=telemetry, logger=logger
            )
        except (ConfigurationError, DataDirectoryError) as error:
            raise StartError(str(error)) from error
        use = None
        with suppress(StoreUnavailableError):
            use = await app.stores.key_uses.count(at_most=at_most)
    keys = [*_of_each_kind(settings, directory, secrets, use)]
    return KeyReport(keys, use is not None, use is not None and use.is_complete, remarks.said)


def principals(settings: Settings, issuer: str, subject: str, *, logger: Logger) -> list[str]:
    """How audit events name a subject: under each pepper of the configuration, the one in use first.

    Raises:
        StartError: the keys cannot be read.
    """
    url, directory = settings.store.url, None
    if url.startswith(EMBEDDED):
        directory = Path(url.removeprefix(EMBEDDED))
        if not directory.is_dir():
            raise StartError(f"{directory}: is not there, and so are no keys")
    try:
        secrets = load_secrets(settings, directory=directory, logger=logger)
    except (ConfigurationError, DataDirectoryError) as error:
        raise StartError(str(error)) from error
    hashed = hashed_id(RevocationType.SUBJECT.kind, issuer, subject)
    return [Pepper(secret).principal(hashed) for secret in secrets.peppers]


def disagreements(reports: Mapping[str, KeyReport]) -> list[str]:
    """Where servers with these configurations could not read what one of them makes: a line for each."""
    lines = []
    for name, report in reports.items():
        for other_name, other in reports.items():
            readable = {(one.kind, one.id) for one in other.keys if one.file}
            lines += [
                f"{other_name} lacks the {one.kind} key {one.id}, which {name} uses"
                for one in report.keys
                if one.is_in_use and (one.kind, one.id) not in readable
            ]
    return lines


def _of_each_kind(
    settings: Settings, directory: Path | None, secrets: Secrets, use: KeyUse | None
) -> Iterable[KeyFinding]:
    yield from _of_a_kind(
        PEPPER,
        [Pepper(secret).id for secret in secrets.peppers],
        settings.keys.pepper_files or files_in(settings, directory, PEPPER),
        use.peppers if use else None,
    )
    yield from _of_a_kind(
        SEALING,
        [sealing_key_id(secret) for secret in secrets.sealing],
        settings.keys.sealing_files or files_in(settings, directory, SEALING),
        use.sealing if use else None,
    )
    local = next((one for one in settings.issuers if one.is_local), None)
    files = (local.signing_key_files or files_in(settings, directory, SIGNING)) if local else ()
    for number, (key, file) in enumerate(zip(secrets.signing_keys, files, strict=True)):
        yield KeyFinding(SIGNING.name, key.key_id, str(file), number == 0, None)


def _of_a_kind(
    kind: KeyKind, ids: Sequence[bytes], files: Sequence[Path], needed: Mapping[bytes, int] | None
) -> Iterable[KeyFinding]:
    for number, (key_id, file) in enumerate(zip(ids, files, strict=True)):
        count = None if needed is None else needed.get(key_id, 0)
        yield KeyFinding(kind.name, key_id.hex(), str(file), number == 0, count)
    for key_id, count in (needed or {}).items():
        if key_id not in ids:
            yield KeyFinding(kind.name, key_id.hex(), _NO_FILE, is_in_use=False, needed_by=count)
