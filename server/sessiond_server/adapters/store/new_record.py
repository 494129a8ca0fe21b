"""The header of a session that is about to be stored."""

from __future__ import annotations

from sessiond_server.adapters.store.hashed_ids import ids_of_login
from sessiond_server.adapters.store.provider_tokens import first_token_ids, hashed_refresh_token
from sessiond_server.adapters.store.record import Flag, Header
from sessiond_server.domain.revocation import NO_ID
from sessiond_server.service.storage.sessions import NewSession


def first_header(new: NewSession, *, created_ms: int) -> Header:
    """The header of generation 0; `created_ms` is the store's time."""
    lifetimes, tokens = new.lifetimes, new.provider_tokens
    absolute_expire_ms = created_ms + lifetimes.absolute_ms
    refresh_life_ms = tokens.refresh_life_ms if tokens else None
    provider_expire_ms = created_ms + refresh_life_ms if refresh_life_ms else 0
    count, _ = first_token_ids(new)
    return Header(
        flags=Flag.PROVIDER if tokens else 0,
        pepper_id=new.pepper_id,
        grace_ms=lifetimes.grace_ms,
        idle_ms=lifetimes.idle_ms,
        current_hash=new.secret_hash,
        created_ms=created_ms,
        idle_expire_ms=min(
            created_ms + lifetimes.idle_ms, absolute_expire_ms, provider_expire_ms or absolute_expire_ms
        ),
        absolute_expire_ms=absolute_expire_ms,
        token_ids=count,
        provider_expire_ms=provider_expire_ms,
        hashed_refresh=hashed_refresh_token(new.login.issuer, tokens.refresh_token) if tokens else NO_ID,
        **ids_of_login(new.login),
    )
