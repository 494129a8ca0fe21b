"""`python -m bench.side_by_side.pyjwt_service KEY_SET ISSUER`: what a Python team would write by itself.

A service on grpc.aio, as gRPC's documentation has it, that verifies each token with PyJWT. It knows nothing
of revocations. Its address is the first line on standard output.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import grpc
import jwt

from bench.side_by_side.pyjwt_verifier import PyJwtVerifier
from sessiond.v1 import session_pb2, session_service_pb2, session_service_pb2_grpc


class _Service(session_service_pb2_grpc.SessionServiceServicer):
    def __init__(self, verifier: PyJwtVerifier) -> None:
        self._verifier = verifier

    async def ValidateToken(self, request: Any, _context: Any) -> Any:  # noqa: N802 - the schema's name
        """Accept a token whose signature, issuer and times are right."""
        try:
            found = self._verifier.verify(request.token)
        except jwt.PyJWTError:
            return session_service_pb2.ValidateTokenResponse(rejection=session_pb2.Rejection())
        return session_service_pb2.ValidateTokenResponse(session=_session(found["header"], found["payload"]))


def _session(header: dict[str, Any], claims: dict[str, Any]) -> Any:
    session = session_pb2.Session(
        issuer=claims["iss"],
        subject=claims.get("sub"),
        session_id=claims.get("sid"),
        token_id=claims.get("jti"),
        client_id=claims.get("client_id"),
        key_id=header.get("kid"),
        claims_json=json.dumps(claims),
    )
    session.issue_time.FromSeconds(int(claims["iat"]))
    session.expire_time.FromSeconds(int(claims["exp"]))
    return session


async def _serve(verifier: PyJwtVerifier) -> None:
    server = grpc.aio.server()
    register: Any = session_service_pb2_grpc.add_SessionServiceServicer_to_server
    register(_Service(verifier), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(PyJwtVerifier(*sys.argv[1:])))
