"""The port of the gRPC engine: what turns bytes on a socket into calls."""

from __future__ import annotations

from typing import Protocol

from sessiond_server.domain.address import Address


class Engine(Protocol):
    """Serves the methods that it was built with, on one address."""

    async def start(self) -> Address:
        """Begin to accept calls; the address is the one truly listened on. Raises `AddressError`."""

    async def set_serving(self, *, serving: bool) -> None:
        """What `grpc.health.v1.Health` answers and tells those who watch it; NOT_SERVING at first."""

    async def stop(self, *, grace_seconds: float) -> None:
        """Accept no more calls, let those in flight finish for at most `grace_seconds`, and close."""
