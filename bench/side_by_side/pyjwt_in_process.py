"""`python -m bench.side_by_side.pyjwt_in_process KEY_SET ISSUER`: verify one token again and again.

The token is the first line of standard input; `ready` says that it is accepted, and one with another
signature is not. Every line after it is how often the token is to be verified, and is answered with the
seconds that this took.
"""

from __future__ import annotations

import sys
import time

import jwt

from bench.side_by_side.pyjwt_verifier import PyJwtVerifier
from bench.wire import forged_token


def _accepts(verifier: PyJwtVerifier, token: str) -> bool:
    try:
        return bool(verifier.verify(token))
    except jwt.PyJWTError:
        return False


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Exit status 1 where a forged token is accepted, or the token is not."""
    verifier, token = PyJwtVerifier(*sys.argv[1:]), sys.stdin.readline().strip()
    if _accepts(verifier, forged_token(token)) or not _accepts(verifier, token):
        sys.stderr.write("PyJWT does not accept the token, or accepts a forged one\n")
        return 1
    _say("ready")
    for line in sys.stdin:
        began = time.perf_counter()
        for _ in range(int(line)):
            verifier.verify(token)
        _say(f"{time.perf_counter() - began}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
