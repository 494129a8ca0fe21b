"""OpenTelemetry's names, as its semantic conventions for RPC, HTTP and databases have them.

They are written here because the conventions are stable and Python's package of them is not. Those of our own
begin with `sessiond`.
"""

from __future__ import annotations

from typing import Final

RPC_SYSTEM_NAME: Final = "rpc.system.name"
RPC_METHOD: Final = "rpc.method"
RPC_RESPONSE_STATUS_CODE: Final = "rpc.response.status_code"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
NETWORK_PEER_ADDRESS: Final = "network.peer.address"
ERROR_TYPE: Final = "error.type"
DB_SYSTEM_NAME: Final = "db.system.name"
DB_OPERATION_NAME: Final = "db.operation.name"
DB_STORED_PROCEDURE_NAME: Final = "db.stored_procedure.name"
HTTP_REQUEST_METHOD: Final = "http.request.method"
HTTP_RESPONSE_STATUS_CODE: Final = "http.response.status_code"
URL_FULL: Final = "url.full"
SESSIOND_VERDICT: Final = "sessiond.verdict"
SESSIOND_ISSUER: Final = "sessiond.issuer"

# The statuses that are a server's fault; any other is an answer to what was asked.
FAULTS_OF_A_SERVER: Final = frozenset(
    {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}
)
