"""Asks a server whether it serves."""

from __future__ import annotations

from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import urlopen

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING: Final = "SERVING"


def ask_health(address: str, *, timeout_seconds: float) -> str:
    """SERVING, NOT_SERVING, or why there was no answer; `address` is gRPC's, or `http://HOST:PORT`."""
    if address.startswith("http://"):
        return _ask_http(address, timeout_seconds=timeout_seconds)
    with grpc.insecure_channel(address) as channel:
        # The stubs' types leave out their methods.
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
        except grpc.RpcError as error:
            return f"no answer ({error.code().name})"
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)


def _ask_http(address: str, *, timeout_seconds: float) -> str:
    try:
        with urlopen(f"{address}/readyz", timeout=timeout_seconds):  # noqa: S310 - the scheme was looked at
            return SERVING
    except HTTPError as error:
        with error:
            return f"NOT_SERVING ({error.code})"
    except (OSError, ValueError):
        return "no answer"
