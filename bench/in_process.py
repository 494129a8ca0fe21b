"""What one `ValidateToken` costs inside the server.

It is measured from request bytes to answer bytes, without a transport.
"""

from __future__ import annotations

import base64
import gc
import time
import timeit
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from jwt import PyJWK

from bench.table import Row
from bench.wire import METHOD
from sessiond.v1 import session_service_pb2 as messages
from sessiond_server.domain.caller import Caller, Group
from sessiond_server.transport.codec import wire
from sessiond_server.transport.engine.port import Call
from tests.support.methods import rows
from tests.support.vectors import KEYS, token_of, validation_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    Handler = Callable[[bytes], Awaitable[bytes]]

TITLE: Final = "ValidateToken in process, from request bytes to answer bytes"
_ROUNDS: Final = 7
_SECONDS_A_ROUND: Final = 0.2
_CALLER: Final = Caller("bench", frozenset(Group))
_JUNK: Final[dict[str, str]] = {
    "junk of 1 byte": "A",
    "junk of 8 KiB": "A" * 8192,
    "junk of 8 KiB in three segments": "A" * 4000 + "." + "A" * 4000 + "." + "A" * 190,
    "junk of 1.25 MiB, less what frames it": "A" * ((1280 << 10) - 16),
}


async def run() -> list[Row]:
    """Microseconds a call, the median of several rounds."""
    found = [Row(name, await _repeated(token), "µs", "≤ 10") for name, token in _JUNK.items()]
    found.append(Row("for comparison: OpenSSL verifies one RS256 signature", _alone("RS256", "rs256"), "µs"))
    found.append(Row("for comparison: OpenSSL verifies one ES256 signature", _alone("ES256", "es256"), "µs"))
    unknown = token_of({"claims": {"iss": "https://unknown.example"}})
    found.append(Row("an issuer that is not configured", await _repeated(unknown), "µs", "≤ 10"))
    for algorithm, key_id, budget in (("RS256", "rs256", "≤ 50"), ("ES256", "es256", "≤ 90")):
        header = {"alg": algorithm, "kid": key_id}
        tokens = [token_of({"header": header, "claims": {"jti": str(number)}}) for number in range(500)]
        found.append(Row(f"a new {algorithm} token", await _each_once(tokens), "µs", budget))
        found.append(Row(f"a known {algorithm} token", await _repeated(tokens[0]), "µs", "≤ 8"))
        forged = tokens[0][:-8] + "AAAAAAAA"
        found.append(Row(f"a forged {algorithm} token, seen before", await _repeated(forged), "µs"))
    return found


def _alone(algorithm: str, key_id: str) -> float:
    """Microseconds of one verification, and nothing else."""
    signing_input, _, signature = (
        token_of({"header": {"alg": algorithm, "kid": key_id}}).encode().rpartition(b".")
    )
    public, raw = PyJWK(KEYS[key_id]).key.public_key(), base64.urlsafe_b64decode(signature + b"==")
    given: tuple[Any, ...]
    if algorithm == "ES256":
        given = (
            encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:])),
            signing_input,
            ECDSA(SHA256()),
        )
    else:
        given = (raw, signing_input, PKCS1v15(), SHA256())
    return min(timeit.repeat(lambda: public.verify(*given), number=500, repeat=_ROUNDS)) / 500 * 1e6


def _handler() -> Handler:
    """Parse, permit and handle, as the pipeline does it, with nothing observed."""
    row: Any = rows(validation_of({}))[METHOD]

    async def handle(raw: bytes) -> bytes:
        call, request = Call(row.name, identified=_CALLER), wire.parse(row.request, raw)
        row.rule.require(call.caller, request)
        answer: bytes = await row.handle(request, call)
        return answer

    return handle


def _request(token: str) -> bytes:
    return messages.ValidateTokenRequest(token=token).SerializeToString()


async def _repeated(token: str) -> float:
    """One token again and again."""
    handler, request = _handler(), _request(token)
    await _timed(handler, [request])
    times = max(1, int(_SECONDS_A_ROUND / max(1e-6, await _timed(handler, [request] * 20))))
    return await _median(_timed(handler, [request] * times) for _ in range(_ROUNDS))


async def _each_once(tokens: Sequence[str]) -> float:
    """Every token for the first time."""
    requests = [_request(token) for token in tokens]
    return await _median(_timed(_handler(), requests) for _ in range(_ROUNDS))


async def _timed(handler: Handler, requests: Sequence[bytes]) -> float:
    """Seconds a request."""
    gc.collect()
    start = time.perf_counter()
    for request in requests:
        await handler(request)
    return (time.perf_counter() - start) / len(requests)


async def _median(rounds: Iterable[Awaitable[float]]) -> float:
    """Microseconds."""
    return median([await one for one in rounds]) * 1e6
