"""The hashed ids under which records and the log know subjects, tenants, clients and issuers."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.identifiers import MARK_ID_BYTES, hashed_id
from sessiond_server.domain.revocation import RevocationType

_REUSE_ABOVE: Final = struct.Struct(">8sQ")


def mark_id(kind: RevocationType, issuer: str, identifier: str) -> bytes:
    """The 8 bytes by which a record says of whom it is."""
    return hashed_id(kind.kind, issuer, identifier)[:MARK_ID_BYTES]


def log_id(kind: RevocationType, issuer: str, identifier: str | None) -> bytes:
    """The 16 bytes of the log; nothing for what is not there."""
    return hashed_id(kind.kind, issuer, identifier) if identifier else b""


class IssuerMarks:
    """The configured issuers by their marks, each with the life that its access tokens must have left to be handed out again."""

    def __init__(self, reuse_above_ms: Mapping[str, int]) -> None:
        self._by_mark = {mark_id(RevocationType.ISSUER, issuer, ""): issuer for issuer in reuse_above_ms}
        self.reuse_above = b"".join(_REUSE_ABOVE.pack(mark, reuse_above_ms[issuer]) for mark, issuer in self._by_mark.items())

    def issuer_of(self, mark: bytes) -> str:
        """The issuer's name; raises `SealingKeyMissingError` where it is not configured, so that nothing of it can be opened."""
        try:
            return self._by_mark[mark]
        except KeyError as error:
            raise SealingKeyMissingError from error
