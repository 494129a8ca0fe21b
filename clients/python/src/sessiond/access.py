"""How the client reaches a server, and shows who calls."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import grpc

# A key as text, or a function that gives it for every call: a key file may change while the client lives.
Key: TypeAlias = str | Callable[[], str]
Metadata: TypeAlias = tuple[tuple[str, str], ...]
_LOCAL_SCHEMES: Final = ("unix:", "unix-abstract:")
# What else gRPC reads as a target (several addresses, a name server to ask) may lead to another machine.
_ADDRESS: Final = re.compile(r"(?:dns:///|dns:|ipv4:|ipv6:)?(?:\[([^\]]+)\]|([^\[\]:/,]+))(?::\d+)?")

# By default gRPC waits up to two minutes before it tries again to reach a server that has been away.
_RECONNECTING: Final = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 1000))


@dataclass(frozen=True, slots=True, repr=False)
class Tls:
    """TLS to the server; everything is PEM, or the path of a file, which is read anew when it has changed.

    `authorities` are those that may have issued its certificate (None: the system's). `certificate` and
    `private_key` are the caller's own, for a server that asks for one. `server_name` is the name to expect,
    where it is not that of the address.
    """

    authorities: bytes | Path | None = None
    certificate: bytes | Path | None = None
    private_key: bytes | Path | None = None
    server_name: str = ""

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC takes, as it is now; raises an OSError where a file cannot be read."""
        parts = (self.authorities, self.private_key, self.certificate)
        return grpc.ssl_channel_credentials(*map(_read, parts))

    @property
    def files(self) -> tuple[Path, ...]:
        """Those that may change."""
        parts = (self.authorities, self.certificate, self.private_key)
        return tuple(part for part in parts if isinstance(part, Path))


def _read(part: bytes | Path | None) -> bytes | None:
    return part.read_bytes() if isinstance(part, Path) else part


def require_secrecy(target: str, key: Key | None, tls: Tls | None, *, allow_plaintext: bool) -> None:
    """Raise ValueError where the caller's key would be sent in clear to another machine."""
    if key is not None and tls is None and not allow_plaintext and not is_local(target):
        raise ValueError(
            "the key would be sent in clear beyond this machine: give tls, or allow_plaintext=True where "
            "something else keeps the network secret"
        )


def is_local(target: str) -> bool:
    """Whether a target can only be on this machine: a Unix socket, or loopback."""
    if target.startswith(_LOCAL_SCHEMES):
        return True
    found = _ADDRESS.fullmatch(target)
    host = (found[1] or found[2]) if found else ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def options(target: str, tls: Tls | None) -> tuple[tuple[str, str | int], ...]:
    """The channel's options."""
    name = (("grpc.ssl_target_name_override", tls.server_name),) if tls and tls.server_name else ()
    # A proxy of the environment would get what is in clear because it stays on this machine.
    direct = () if tls or not is_local(target) else (("grpc.enable_http_proxy", 0),)
    return (*_RECONNECTING, *name, *direct)


def metadata(key: Key | None) -> Metadata:
    """The caller's key as a header.

    Without TLS gRPC refuses its own call credentials, also on a Unix socket and on loopback.
    """
    if key is None:
        return ()
    return (("authorization", f"Bearer {key if isinstance(key, str) else key()}"),)
