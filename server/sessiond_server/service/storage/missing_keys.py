"""Sounds the alarm where a session needs a key of ours that this server does not have."""

from __future__ import annotations

from typing import Final

from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry

PEPPER: Final = "pepper"
SEALING_KEY: Final = "sealing"
# There are a few keys. Whoever can write the store could make up others.
_MAX_TOLD: Final = 64


class MissingKeys:
    """Counts each such call, and tells of each key once.

    Nothing is lost meanwhile: the sessions are UNAVAILABLE here until the key is back, or are answered by a
    server that has it.
    """

    def __init__(self, *, telemetry: Telemetry, logger: Logger) -> None:
        self._telemetry = telemetry
        self._logger = logger
        self._told: set[tuple[str, str]] = set()

    def pepper(self, key_id: bytes) -> None:
        """The refresh token of a session is under this pepper."""
        self._note(PEPPER, key_id.hex())

    def sealing_key(self, key_id: bytes) -> None:
        """What is stored of a session is sealed with this key."""
        self._note(SEALING_KEY, key_id.hex())

    def _note(self, kind: str, key_id: str) -> None:
        self._telemetry.key_missing(kind)
        if (kind, key_id) in self._told or len(self._told) >= _MAX_TOLD:
            return
        self._told.add((kind, key_id))
        self._logger.error("a session needs a key that this server does not have", kind=kind, key_id=key_id)
