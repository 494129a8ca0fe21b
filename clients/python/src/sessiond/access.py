"""How the client reaches a server, and shows who calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import grpc

# A key as text, or a function that gives it for every call: a key file may change while the client lives.
Key: TypeAlias = str | Callable[[], str]


@dataclass(frozen=True, slots=True, repr=False)
class Tls:
    """TLS to the server; everything is PEM.

    `authorities` are those that may have issued its certificate (None: the system's). `certificate` and
    `private_key` are the caller's own, for a server that asks for one. `server_name` is the name to expect,
    where it is not that of the address.
    """

    authorities: bytes | None = None
    certificate: bytes | None = None
    private_key: bytes | None = None
    server_name: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC takes."""
        return grpc.ssl_channel_credentials(self.authorities, self.private_key, self.certificate)


def options(service_config: str, tls: Tls | None) -> tuple[tuple[str, str], ...]:
    """The channel's options."""
    name = (("grpc.ssl_target_name_override", tls.server_name),) if tls and tls.server_name else ()
    return (("grpc.service_config", service_config), *name)


def metadata(key: Key | None) -> tuple[tuple[str, str], ...]:
    """The caller's key as a header.

    Without TLS gRPC refuses its own call credentials, also on a Unix socket and on loopback.
    """
    if key is None:
        return ()
    return (("authorization", f"Bearer {key if isinstance(key, str) else key()}"),)
