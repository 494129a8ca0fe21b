"""The hashed ids under which records, cutoffs and the log know subjects, issuers, tokens and the like."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from sessiond_server.adapters.store.formats import REUSE_ABOVE
from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import RevocationType

_NO_CLIENTS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})


def hashed(kind: RevocationType, issuer: str, identifier: str = "") -> bytes:
    """The hashed id of a thing of this kind at its issuer; the issuer itself has no further identifier."""
    return hashed_id(kind.kind, issuer, identifier)


def hashed_or_none(kind: RevocationType, issuer: str, identifier: str | None) -> bytes | None:
    """The same; None where there is no identifier."""
    return hashed(kind, issuer, identifier) if identifier else None


class HashedIssuers:
    """The configured issuers, and our clients at them, by their hashed ids.

    `reuse_above_ms` says for each issuer how much life its access tokens must have left to be handed out
    again. `clients` are the ids of our clients by issuer.
    """

    def __init__(
        self, reuse_above_ms: Mapping[str, int], clients: Mapping[str, Collection[str]] = _NO_CLIENTS
    ) -> None:
        self._by_id = {hashed(RevocationType.ISSUER, issuer): issuer for issuer in reuse_above_ms}
        self._clients_by_id = {
            hashed(RevocationType.CLIENT, issuer, client_id): client_id
            for issuer, client_ids in clients.items()
            for client_id in client_ids
        }
        packed = (REUSE_ABOVE.pack(one, reuse_above_ms[issuer]) for one, issuer in self._by_id.items())
        self.reuse_above = b"".join(packed)

    def issuer_of(self, hashed_issuer: bytes) -> str:
        """The issuer's name.

        Raises:
            SealingKeyMissingError: it is not configured, so that nothing that belongs to it can be opened.
        """
        return _found(self._by_id, hashed_issuer)

    def client_of(self, hashed_client: bytes) -> str:
        """The id of our client; raises as `issuer_of` does."""
        return _found(self._clients_by_id, hashed_client)


def _found(names: Mapping[bytes, str], hashed_name: bytes) -> str:
    try:
        return names[hashed_name]
    except KeyError as error:
        raise SealingKeyMissingError from error
