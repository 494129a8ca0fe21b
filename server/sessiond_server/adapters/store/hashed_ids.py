"""The hashed ids under which records, cutoffs and the log know subjects, issuers, tokens and the like."""

from __future__ import annotations

from collections.abc import Mapping

from sessiond_server.adapters.store.formats import REUSE_ABOVE
from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import RevocationType


def hashed(kind: RevocationType, issuer: str, identifier: str = "") -> bytes:
    """The hashed id of a thing of this kind at its issuer; the issuer itself has no further identifier."""
    return hashed_id(kind.kind, issuer, identifier)


def hashed_or_none(kind: RevocationType, issuer: str, identifier: str | None) -> bytes | None:
    """The same; None where there is no identifier."""
    return hashed(kind, issuer, identifier) if identifier else None


class HashedIssuers:
    """The configured issuers by their hashed ids.

    `reuse_above_ms` says for each how much life its access tokens must have left to be handed out again.
    """

    def __init__(self, reuse_above_ms: Mapping[str, int]) -> None:
        self._by_id = {hashed(RevocationType.ISSUER, issuer): issuer for issuer in reuse_above_ms}
        packed = (REUSE_ABOVE.pack(one, reuse_above_ms[issuer]) for one, issuer in self._by_id.items())
        self.reuse_above = b"".join(packed)

    def issuer_of(self, hashed_issuer: bytes) -> str:
        """The issuer's name.

        Raises:
            SealingKeyMissingError: it is not configured, so that nothing that belongs to it can be opened.
        """
        try:
            return self._by_id[hashed_issuer]
        except KeyError as error:
            raise SealingKeyMissingError from error
