"""Which addresses in a configuration may be called."""

from __future__ import annotations

from urllib.parse import urlsplit

from sessiond_server.domain.address import Address


def is_loopback(url: str) -> bool:
    """Whether an address can only be one of this machine."""
    return Address(host=urlsplit(url).hostname or "").is_local


def is_callable(url: str, *, allow_http: bool) -> bool:
    """Whether it is an https address, or, where that is allowed, an http address of this machine."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
    if not has_host or "@" in parts.netloc or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and allow_http and is_loopback(url))
