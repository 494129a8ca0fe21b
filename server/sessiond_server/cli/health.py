"""Asks a server whether it serves.

Whoever looks after a container has this asked every few seconds: each way in loads its own libraries alone.
"""

from __future__ import annotations

from typing import Any, Final

SERVING: Final = "SERVING"
_HTTP: Final = "http://"
_HTTP_OK: Final = 200


def ask_health(address: str, *, timeout_seconds: float) -> str:
    """SERVING, NOT_SERVING, or why there was no answer; `address` is gRPC's, or `http://HOST:PORT`."""
    ask = _ask_http if address.startswith(_HTTP) else _ask_grpc
    return ask(address, timeout_seconds=timeout_seconds)


def _ask_grpc(address: str, *, timeout_seconds: float) -> str:
    import grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with grpc.insecure_channel(address) as channel:
        # The stubs' types leave out their methods.
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
        except grpc.RpcError as error:
            return f"no answer ({error.code().name})"
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def _ask_http(address: str, *, timeout_seconds: float) -> str:
    """Ask at the address itself: a proxy that the environment names is for what is elsewhere."""
    from http.client import HTTPConnection, HTTPException

    try:
        connection = HTTPConnection(address.removeprefix(_HTTP).rstrip("/"), timeout=timeout_seconds)
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, HTTPException):
        # What is no address is an HTTPException too.
        return "no answer"
    connection.close()
    return SERVING if status == _HTTP_OK else f"NOT_SERVING ({status})"
