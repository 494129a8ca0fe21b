"""Whose a session is, by what the header of its record says; nothing has to be unsealed for that."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from sessiond_server.adapters.store.hashed_ids import HashedIssuers, hashed
from sessiond_server.adapters.store.record import Header
from sessiond_server.domain.caller import Caller
from sessiond_server.domain.failures import SealingKeyMissingError
from sessiond_server.domain.revocation import NO_ID, RevocationType
from sessiond_server.domain.session import Whose
from sessiond_server.service.storage.sessions import Owner


def whose_in(header: Header, issuers: HashedIssuers) -> Whose:
    """Whose the session of this header is; issuer and client are known where they are configured."""
    if header.hashed_issuer == NO_ID:
        return Whose()
    whose = Whose(hashed_subject=header.hashed_subject)
    with suppress(SealingKeyMissingError):
        whose = replace(whose, issuer=issuers.issuer_of(header.hashed_issuer))
        whose = replace(whose, client_id=issuers.client_of(header.hashed_client))
    return whose


def owner_in(header: Header, caller: Caller, issuers: HashedIssuers) -> Owner:
    """Whose the session of this header is.

    Raises:
        SealingKeyMissingError: its issuer is not configured, and the caller may handle those of all issuers.
    """
    if header.hashed_issuer == NO_ID:
        return Owner.UNKNOWN
    try:
        issuer = issuers.issuer_of(header.hashed_issuer)
    except SealingKeyMissingError:
        # Whatever issuers a caller has are configured: this is none of them.
        if caller.issuers is None:
            raise
        return Owner.OTHERS
    if caller.issuers is not None and issuer not in caller.issuers:
        return Owner.OTHERS
    if caller.client_ids is None:
        return Owner.CALLER
    clients = {hashed(RevocationType.CLIENT, issuer, one) for one in caller.client_ids}
    return Owner.CALLER if header.hashed_client in clients else Owner.OTHERS
