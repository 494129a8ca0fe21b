"""The hashed ids under which records, cutoffs and the log know subjects, issuers, tokens and the like."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, TypedDict

from sessiond_server.adapters.store.formats import REUSE_ABOVE
from sessiond_server.domain.confirmation import confirmation_id
from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.identifiers import hashed_id
from sessiond_server.domain.revocation import NO_ID, RevocationType
from sessiond_server.domain.session import Login

_NO_CLIENTS: Final[Mapping[str, Collection[str]]] = MappingProxyType({})


def hashed(kind: RevocationType, issuer: str, identifier: str = "") -> bytes:
    """The hashed id of a thing of this kind at its issuer; the issuer itself has no further identifier."""
    return hashed_id(kind.kind, issuer, identifier)


def hashed_or_none(kind: RevocationType, issuer: str, identifier: str | None) -> bytes | None:
    """The same; None where there is no identifier."""
    return hashed(kind, issuer, identifier) if identifier else None


def hashed_clients(issuer: str, client_ids: Collection[str] | None) -> bytes:
    """The hashed ids of clients, one behind another, as scripts take them; empty for None: for all."""
    if client_ids is None:
        return b""
    # An id that no client has stands for none at all.
    return b"".join(sorted(hashed(RevocationType.CLIENT, issuer, one) for one in client_ids)) or NO_ID


class LoginIds(TypedDict):
    """What the header of a record says of its login, by the names of its fields; zeros for what it lacks."""

    hashed_subject: bytes
    hashed_tenant: bytes
    hashed_client: bytes
    hashed_issuer: bytes
    hashed_provider_session: bytes
    confirmation: bytes


def ids_of_login(login: Login) -> LoginIds:
    """The same for a login."""
    issuer = login.issuer
    return {
        "hashed_subject": hashed(RevocationType.SUBJECT, issuer, login.subject),
        "hashed_tenant": hashed_or_none(RevocationType.TENANT, issuer, login.tenant_id) or NO_ID,
        "hashed_client": hashed(RevocationType.CLIENT, issuer, login.client_id),
        "hashed_issuer": hashed(RevocationType.ISSUER, issuer),
        "hashed_provider_session": (
            hashed_or_none(RevocationType.PROVIDER_SESSION, issuer, login.provider_session) or NO_ID
        ),
        "confirmation": confirmation_id(login.confirmation),
    }


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
