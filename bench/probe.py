"""`python -m bench.probe ADDRESS`: check with a real client that a server accepts a token, and no forged one.

The token is read from standard input; where none is given, a session is opened. The token and the size of the
answer to it are written to standard output as JSON. The `sessiond` that is imported should be of the server's
own version.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import grpc

from bench.wire import PATH, forged_token, validate_request
from sessiond import Client, Session, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_PATIENCE_SECONDS: Final = 20
_PAUSE_SECONDS: Final = 0.1
_TIMEOUT_SECONDS: Final = 5


def main() -> int:
    """Exit status 1 where the token is not accepted, or is with another signature."""
    address, token = sys.argv[1], sys.stdin.read()
    with Client(address, timeout=_TIMEOUT_SECONDS) as client:
        token = token or _patiently(lambda: client.create_local_session("alice").access_token)
        verdict = _patiently(lambda: client.validate(token))
        forged = _patiently(lambda: client.validate(forged_token(token)))
    if not isinstance(verdict, Session):
        sys.stderr.write(f"{address} does not accept the token: {verdict}\n")
        return 1
    if isinstance(forged, Session):
        sys.stderr.write(f"{address} accepts a forged token\n")
        return 1
    json.dump({"token": token, "answer_bytes": len(_answer(address, token))}, sys.stdout)
    return 0


def _patiently(ask: Callable[[], T]) -> T:
    """A server that has just started says for a moment that it is not ready."""
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except UnavailableError:
            if time.monotonic() > give_up:
                raise
            time.sleep(_PAUSE_SECONDS)


def _answer(address: str, token: str) -> bytes:
    with grpc.insecure_channel(address) as channel:
        validate: Any = channel.unary_unary(PATH)
        answer: bytes = validate(validate_request(token), timeout=_TIMEOUT_SECONDS)
        return answer


if __name__ == "__main__":
    sys.exit(main())
