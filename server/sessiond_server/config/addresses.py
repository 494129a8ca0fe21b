"""Where a server listens by default, for it and for commands that look for it there."""

from __future__ import annotations

from typing import Final

from sessiond_server.domain.address import Address

GRPC_ADDRESS: Final = Address("127.0.0.1", 50051)
HTTP_ADDRESS: Final = Address("127.0.0.1", 8080)
