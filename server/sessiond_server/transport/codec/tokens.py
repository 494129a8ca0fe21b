"""What an opened or refreshed session gives out, and who asks for it, on the wire."""

from __future__ import annotations

from typing import Final

from sessiond.v1 import session_pb2
from sessiond_server.domain.session import Device
from sessiond_server.service.sessions.issued_tokens import IssuedTokens
from sessiond_server.transport.codec import fields
from sessiond_server.transport.codec.verdicts import to_session

_MAX_ADDRESS_BYTES: Final = 64


def to_tokens(issued: IssuedTokens) -> session_pb2.Tokens:
    """The tokens, their expiries and the session."""
    tokens = session_pb2.Tokens(
        access_token=issued.access_token,
        refresh_token=issued.refresh_token,
        session=to_session(issued.claims),
    )
    tokens.access_expire_time.FromSeconds(int(issued.claims.expires_at))
    tokens.refresh_expire_time.FromMilliseconds(issued.refresh_expire_ms)
    return tokens


def decode_device(device: session_pb2.Device) -> Device:
    """The end user's device; raises a named failure."""
    return Device(
        ip_address=fields.text(device.ip_address, field="device.ip_address", max_bytes=_MAX_ADDRESS_BYTES),
        user_agent=fields.text(device.user_agent, field="device.user_agent"),
        label=fields.text(device.label, field="device.label"),
    )
