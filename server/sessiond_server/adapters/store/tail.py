"""The part of a record that only servers read: who logged in, and what the session's tokens say."""

from __future__ import annotations

import msgspec

from sessiond_server.domain.session import Client, Login


class _Tail(msgspec.Struct, array_like=True, frozen=True):
    """The order of the fields is the stored format: new ones go to the end and have a default."""

    issuer: str
    subject: str
    provider_session: str | None
    tenant_id: str | None
    client_id: str
    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    claims_json: str
    auth_time: int | None
    acr: str | None
    amr: tuple[str, ...]
    absolute_expire_ms: int
    client: tuple[str, str, str]
    attributes: tuple[tuple[str, str], ...]
    confirmation: tuple[str, str] | None = None


def encode_tail(login: Login, *, absolute_expire_ms: int) -> bytes:
    """The bytes to be sealed."""
    client = login.client
    tail = _Tail(
        issuer=login.issuer,
        subject=login.subject,
        provider_session=login.provider_session,
        tenant_id=login.tenant_id,
        client_id=login.client_id,
        audiences=login.audiences,
        scopes=login.scopes,
        claims_json=login.claims_json,
        auth_time=login.auth_time,
        acr=login.acr,
        amr=login.amr,
        absolute_expire_ms=absolute_expire_ms,
        client=(client.ip_address, client.user_agent, client.device_label),
        attributes=login.attributes,
        confirmation=login.confirmation,
    )
    return msgspec.msgpack.encode(tail)


def decode_tail(raw: bytes) -> tuple[Login, int]:
    """The login and the absolute expiry in ms; raises `msgspec.MsgspecError` for what is no tail."""
    tail = msgspec.msgpack.decode(raw, type=_Tail)
    login = Login(
        issuer=tail.issuer,
        subject=tail.subject,
        client_id=tail.client_id,
        tenant_id=tail.tenant_id,
        provider_session=tail.provider_session,
        audiences=tail.audiences,
        scopes=tail.scopes,
        claims_json=tail.claims_json,
        auth_time=tail.auth_time,
        acr=tail.acr,
        amr=tail.amr,
        client=Client(*tail.client),
        attributes=tail.attributes,
        confirmation=tail.confirmation,
    )
    return login, tail.absolute_expire_ms
