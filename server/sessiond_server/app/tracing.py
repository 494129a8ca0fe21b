"""Whether calls are traced, which the environment says in OpenTelemetry's own words."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Final

from sessiond_server.service.logger import Logger
from sessiond_server.service.telemetry import Telemetry
from sessiond_server.service.tracing import Tracer

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_GRPC: Final = "grpc"
_NOT_TRACED: Final = "calls are not traced"


async def open_tracing(
    environment: Mapping[str, str], stack: AsyncExitStack, *, telemetry: Telemetry, logger: Logger
) -> Tracer | None:
    """A tracer where a collector is named, until `stack` closes; None where nothing is to be traced.

    What is wrong with that is told, and keeps nobody from being served.
    """
    if not _is_wanted(environment):
        return None
    protocol = _first_of(_PROTOCOLS, environment) or _GRPC
    if protocol != _GRPC:
        logger.warning(_NOT_TRACED, why=f"{_PROTOCOLS[1]} is {protocol[:32]!r}: allowed is '{_GRPC}'")
        return None
    try:
        # Whoever traces nothing loads nothing of it.
        from sessiond_server.adapters.telemetry.otel import exported_traces
    except ImportError:
        logger.warning(_NOT_TRACED, why="sessiond was installed without its extra `otel`")
        return None
    try:
        return await stack.enter_async_context(exported_traces(telemetry=telemetry, logger=logger))
    except Exception as error:  # noqa: BLE001 - each variable fails in its own way
        why = "a variable OTEL_… has a value that OpenTelemetry does not allow"
        logger.warning(_NOT_TRACED, why=why, failure=type(error).__name__)
        return None


def _is_wanted(environment: Mapping[str, str]) -> bool:
    is_off = environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    is_sent_nowhere = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    return not (is_off or is_sent_nowhere) and bool(_first_of(_ENDPOINTS, environment))


def _first_of(names: tuple[str, ...], environment: Mapping[str, str]) -> str:
    return next((value for name in names if (value := environment.get(name, "").strip())), "")
