"""Asks a server whether it serves."""

from __future__ import annotations

from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

SERVING = "SERVING"


def ask_health(address: str, *, timeout_seconds: float) -> str:
    """SERVING, NOT_SERVING, or the status code for which there was no answer."""
    with grpc.insecure_channel(address) as channel:
        # The stubs' types leave out their methods.
        stub: Any = health_pb2_grpc.HealthStub(channel)
        try:
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=timeout_seconds)
        except grpc.RpcError as error:
            return f"no answer ({error.code().name})"
    return health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
