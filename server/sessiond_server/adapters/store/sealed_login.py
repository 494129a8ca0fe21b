"""The sealed login of a record, which only servers read: who logged in, and what the session's tokens say."""

from __future__ import annotations

import msgspec

from sessiond_server.domain.session import Device, Login


class _SealedLogin(msgspec.Struct, array_like=True, frozen=True):
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
    device: tuple[str, str, str]
    attributes: tuple[tuple[str, str], ...]
    confirmation: tuple[str, str] | None = None


def encode_login(login: Login, *, absolute_expire_ms: int) -> bytes:
    """The bytes to be sealed."""
    device = login.device
    sealed = _SealedLogin(
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
        device=(device.ip_address, device.user_agent, device.label),
        attributes=login.attributes,
        confirmation=login.confirmation,
    )
    return msgspec.msgpack.encode(sealed)


def decode_login(raw: bytes) -> tuple[Login, int]:
    """The login and the absolute expiry in ms; raises `msgspec.MsgspecError` for other bytes."""
    found = msgspec.msgpack.decode(raw, type=_SealedLogin)
    login = Login(
        issuer=found.issuer,
        subject=found.subject,
        client_id=found.client_id,
        tenant_id=found.tenant_id,
        provider_session=found.provider_session,
        audiences=found.audiences,
        scopes=found.scopes,
        claims_json=found.claims_json,
        auth_time=found.auth_time,
        acr=found.acr,
        amr=found.amr,
        device=Device(*found.device),
        attributes=found.attributes,
        confirmation=found.confirmation,
    )
    return login, found.absolute_expire_ms
