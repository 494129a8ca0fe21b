"""JWK sets (RFC 7517, RFC 7518 §6, RFC 8037).

What an issuer publishes becomes keys that verify, or is left out.

A key that cannot be used never harms the others. One that should never have been published, or that shares
its `kid` with another, is an alarm: it needs a person at the issuer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from sessiond_server.adapters.jwt.malformed import MalformedError
from sessiond_server.adapters.jwt.strict_json import read_object
from sessiond_server.adapters.jwt.verification import (
    AlarmingKeyError,
    CryptographyKey,
    KeyUnfitError,
    PublicKey,
    fitting_algorithms,
)
from sessiond_server.domain.base64url import decode_text
from sessiond_server.domain.policy import SIGNATURES, canonical_algorithm
from sessiond_server.domain.token import JsonObject
from sessiond_server.service.logger import Logger

MAX_KEYS: Final = 64
_MAX_MEMBERS: Final = MAX_KEYS * 32
# The parser demands the same of a header: no token could ask for a key of any other `kid`.
_KEY_ID: Final = re.compile(r"[\x21-\x7e]{1,256}")
_SECRET_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_SIGNATURE_OPERATIONS: Final = frozenset({"sign", "verify"})
_CURVES: Final[Mapping[str, tuple[type[EllipticCurve], int]]] = MappingProxyType(
    {"P-256": (SECP256R1, 32), "P-384": (SECP384R1, 48), "P-521": (SECP521R1, 66)}
)


class KeySetMalformedError(MalformedError):
    """The document is no JWK set, or has more keys than an issuer can need: nothing of it is used."""


class _ForOthersError(KeyUnfitError):
    """The key may be in order, but is not meant for us: nobody needs to look."""


def load_key_set(
    document: bytes | JsonObject,
    *,
    algorithms: Collection[str],
    logger: Logger,
    uses: Collection[str] = SIGNATURES,
) -> dict[str, PublicKey]:
    """The usable keys of a JWK set by `kid`, each bound to exactly one of `algorithms`.

    `algorithms` are those that are allowed for the issuer, and `uses` what its keys may be for; a key that
    does not say is for signatures.

    A key's own `alg` binds it (RFC 7517 §4.4). Without `alg` its type and curve do; an RSA key fits several
    algorithms, and is bound to the first allowed one of RS256, PS256, RS384, PS384, RS512, PS512.

    Raises:
        KeySetMalformedError: there is no set to take keys from.
    """
    allowed = frozenset(map(canonical_algorithm, algorithms))
    members = _members_of(document)
    times = Counter(filter(None, (_claimed_key_id(jwk, uses) for jwk in members)))
    keys: dict[str, PublicKey] = {}
    for jwk in members:
        try:
            key_id, key = _load(jwk, allowed, times, uses)
        except KeyUnfitError as error:
            _report(error, _claimed_key_id(jwk, uses), logger)
        else:
            keys[key_id] = key
    return keys


def load_embedded_key(jwk: JsonObject, *, algorithm: str) -> PublicKey:
    """The public key that a proof brings along, bound to the algorithm that the proof names.

    RFC 9449 §4.3, 6 and 7, demand this.

    Raises:
        KeyUnfitError: it is private, weak, of an unknown kind, or not for this algorithm.
    """
    _require_public(jwk)
    return PublicKey(_cryptography_key(jwk), algorithm=algorithm)


def _members_of(document: bytes | JsonObject) -> list[Any]:
    if isinstance(document, bytes):
        document = _read(document)
    keys = document.get("keys")
    if not isinstance(keys, list):
        raise KeySetMalformedError("the key set has no array of keys")
    if len(keys) > MAX_KEYS:
        raise KeySetMalformedError("the key set has too many keys")
    return keys


def _read(document: bytes) -> JsonObject:
    try:
        return read_object(document, max_members=_MAX_MEMBERS)[0]
    except (ValueError, RecursionError):
        # The cause would repeat what the other side sent.
        raise KeySetMalformedError("the key set is not a JSON object") from None


def _claimed_key_id(jwk: Any, uses: Collection[str]) -> str | None:
    """The `kid` of a key that could be meant for signatures, whatever else is wrong with it."""
    if not isinstance(jwk, dict) or not _has_one_of(uses, jwk):
        return None
    key_id = jwk.get("kid")
    return key_id if isinstance(key_id, str) and _KEY_ID.fullmatch(key_id) else None


def _report(error: KeyUnfitError, key_id: str | None, logger: Logger) -> None:
    match error:
        case _ForOthersError():
            logger.info(
                "a key of an issuer is not for signatures that are accepted here",
                key_id=key_id,
                why=str(error),
            )
        case AlarmingKeyError():
            logger.error(
                "a key of an issuer was left out, and its issuer is in danger", key_id=key_id, why=str(error)
            )
        case _:
            logger.warning("a key of an issuer was left out", key_id=key_id, why=str(error))


def _load(
    jwk: Any, allowed: frozenset[str], times: Counter[str], uses: Collection[str]
) -> tuple[str, PublicKey]:
    if not isinstance(jwk, dict):
        raise KeyUnfitError("not a JSON object")
    _require_public(jwk)
    _require_for_signatures(jwk, uses)
    key_id = _key_id(jwk)
    # A shared `kid` names neither key (RFC 7517 §4.5): which one verifies must not depend on their order.
    if times[key_id] > 1:
        raise AlarmingKeyError("another key has the same kid")
    key = _cryptography_key(jwk)
    return key_id, PublicKey(key, algorithm=_algorithm(jwk, key, allowed))


def _require_public(jwk: JsonObject) -> None:
    # A shared secret must not reach us, and a private key must not be published; neither is ever used.
    if jwk.get("kty") == "oct" or not _SECRET_MEMBERS.isdisjoint(jwk):
        raise AlarmingKeyError("the key is secret, and was published")


def _has_one_of(uses: Collection[str], jwk: JsonObject) -> bool:
    use = jwk.get("use", "sig")
    return isinstance(use, str) and use in uses


def _require_for_signatures(jwk: JsonObject, uses: Collection[str]) -> None:
    """Judge `use` and `key_ops` (RFC 7517 §4.2, §4.3)."""
    if not _has_one_of(uses, jwk):
        raise _ForOthersError("its use is another")
    if "key_ops" not in jwk:
        return
    operations = jwk["key_ops"]
    if not isinstance(operations, list) or not all(isinstance(operation, str) for operation in operations):
        raise KeyUnfitError("key_ops is not an array of strings")
    if len(set(operations)) != len(operations):
        raise KeyUnfitError("key_ops names an operation twice")
    if "verify" not in operations or not _SIGNATURE_OPERATIONS.issuperset(operations):
        raise _ForOthersError("key_ops is not verify")


def _key_id(jwk: JsonObject) -> str:
    key_id = jwk.get("kid")
    if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
        raise KeyUnfitError("kid is missing, or not a printable string")
    return key_id


def _algorithm(jwk: JsonObject, key: CryptographyKey, allowed: frozenset[str]) -> str:
    """The one algorithm that the key is bound to (RFC 8725 §3.1)."""
    if "alg" in jwk:
        algorithm = jwk["alg"]
        if not isinstance(algorithm, str):
            raise KeyUnfitError("alg is not a string")
        fitting: tuple[str, ...] = (canonical_algorithm(algorithm),)
    else:
        fitting = fitting_algorithms(key)
    for algorithm in fitting:
        if algorithm in allowed:
            return algorithm
    raise _ForOthersError("its algorithm is not allowed for its issuer")


def _cryptography_key(jwk: JsonObject) -> CryptographyKey:
    kind = jwk.get("kty")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise _ForOthersError("kty is not one that is used for signatures here")
    try:
        return read(jwk)
    except KeyUnfitError:
        raise
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnfitError("a member of the key is out of range") from None


def _rsa(jwk: JsonObject) -> RSAPublicKey:
    modulus, exponent = (int.from_bytes(_octets(jwk, name)) for name in ("n", "e"))
    return RSAPublicNumbers(exponent, modulus).public_key()


def _elliptic(jwk: JsonObject) -> EllipticCurvePublicKey:
    curve, width = _CURVES.get(str(jwk.get("crv")), (None, 0))
    if curve is None:
        raise _ForOthersError("crv is not one that is used for signatures here")
    x, y = _octets(jwk, "x"), _octets(jwk, "y")
    # Full width (RFC 7518 §6.2.1.2); that the point lies on its curve is checked by cryptography.
    if not len(x) == len(y) == width:
        raise KeyUnfitError("the coordinates have not the width of the curve")
    return EllipticCurvePublicNumbers(int.from_bytes(x), int.from_bytes(y), curve()).public_key()


def _edwards(jwk: JsonObject) -> Ed25519PublicKey:
    if jwk.get("crv") != "Ed25519":
        raise _ForOthersError("crv is not one that is used for signatures here")
    return Ed25519PublicKey.from_public_bytes(_octets(jwk, "x"))


_READERS: Final[Mapping[str, Callable[[JsonObject], CryptographyKey]]] = MappingProxyType(
    {"RSA": _rsa, "EC": _elliptic, "OKP": _edwards}
)


def _octets(jwk: JsonObject, name: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str):
        raise KeyUnfitError("a member of the key is missing, or not a string")
    return decode_text(value)
