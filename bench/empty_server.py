"""`python -m bench.empty_server BYTES`: answer every `ValidateToken` with so many bytes, and do nothing else.

As a server on grpc.aio and uvloop, it shows what a server on this engine costs at the least. Its address is
the first line on standard output.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final

# sessiond does the same: gRPC's core reads this when it is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc
import uvloop

from bench.wire import METHOD, SERVICE

# These are those of sessiond's engine, repeated here because the server's modules are not to be relied upon.
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", 1280 << 10),
    ("grpc.max_send_message_length", 8 << 20),
    ("grpc.max_allowed_incoming_connections", 1000),
    ("grpc.server.max_pending_requests", 8192),
    ("grpc.server.max_pending_requests_hard_limit", 8192),
    ("grpc.max_concurrent_streams", 100),
    ("grpc.http.overload_protection", 0),
    ("grpc.http2.lookahead_bytes", 64 << 10),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 16384),
    ("grpc.server_handshake_timeout_ms", 5000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 9_000),
    ("grpc.http2.max_ping_strikes", 2),
    ("grpc.max_connection_age_ms", 300_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.so_reuseport", 0),
)


async def _serve(answer: bytes) -> None:
    async def handle(_request: bytes, _context: Any) -> bytes:
        return answer

    server = grpc.aio.server(options=_OPTIONS)
    handlers: dict[str, Any] = {METHOD: grpc.unary_unary_rpc_method_handler(handle)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    uvloop.run(_serve(bytes(int(sys.argv[1]))))
