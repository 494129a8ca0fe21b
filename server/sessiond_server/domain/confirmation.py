"""Tokens and sessions that are bound to a key, and what proves that the bearer has it.

It implements RFC 7800, RFC 8705 and RFC 9449.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from sessiond_server.domain.base64url import to_base64url
from sessiond_server.domain.identifiers import length_prefixed
from sessiond_server.domain.token import JsonObject

CERTIFICATE_MEMBER: Final = "x5t#S256"
KEY_MEMBER: Final = "jkt"
_UNDERSTOOD: Final = frozenset({CERTIFICATE_MEMBER, KEY_MEMBER})
# How old a proof may be, and how far ahead the clock of its maker may be (RFC 9449 §11.1).
PROOF_SECONDS: Final = 60.0
PROOF_SKEW_SECONDS: Final = 5.0
MAX_PROOF_BYTES: Final = 4096
CONFIRMATION_ID_BYTES: Final = 32
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The client certificate of the request that the token came with, as an authenticated gateway tells it.

    `sha256` is the hash of the certificate in DER.
    """

    sha256: bytes


@dataclass(frozen=True, slots=True, repr=False)
class DpopProof:
    """The DPoP proof that the token came with, and the request that both came with."""

    proof: bytes
    method: str
    url: str


# What comes with a request to prove that its bearer holds a key.
PossessionProof: TypeAlias = ClientCertificate | DpopProof
# The one member of a `cnf` that is understood (RFC 7800 §3.1): `x5t#S256` or `jkt`, and a thumbprint.
Confirmation: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ProvenBefore:
    """The key of the session that a token is for; it was proven when the session was opened, or never.

    It stands for the proof where a provider gives a token to us, so that nobody presents one.
    """

    confirmation: Confirmation | None


# What shows that the bearer of a token has the key that it is bound to.
Evidence: TypeAlias = PossessionProof | ProvenBefore


@dataclass(frozen=True, slots=True, repr=False)
class VerifiedProof:
    """A DPoP proof whose signature is right (RFC 9449 §4.2); `thumbprint` is its key's (RFC 7638).

    `token_hash` is there in a proof that accompanies an access token.
    """

    thumbprint: str
    proof_id: str
    method: str
    url: str
    token_hash: str | None
    issued_at: float

    @property
    def good_until(self) -> float:
        """When nobody takes it any more.

        It is reckoned from the proof itself, so that it is the same whoever reckons it and however often, and
        later by the skew than a right clock has it, so that servers whose clocks are that much behind take
        what they find young enough.
        """
        return self.issued_at + PROOF_SECONDS + PROOF_SKEW_SECONDS


def confirmation_of(payload: JsonObject) -> Confirmation | None:
    """The one member of a payload's `cnf` that is understood; None where there is none, or more than one.

    Members that are not understood are ignored (RFC 7800 §3.1): which of two understood ones to prove would
    be a guess.
    """
    cnf = payload.get("cnf")
    members = cnf.items() if isinstance(cnf, dict) else ()
    understood = [(name, value) for name, value in members if name in _UNDERSTOOD]
    if len(understood) != 1 or not isinstance(understood[0][1], str):
        return None
    return understood[0]


def confirmation_by(certificate: ClientCertificate) -> Confirmation:
    """The confirmation of what is bound to the certificate (RFC 8705 §3.1)."""
    return CERTIFICATE_MEMBER, to_base64url(certificate.sha256)


def confirmation_id(confirmation: Confirmation | None) -> bytes:
    """The 32 bytes by which a session remembers what it is bound to.

    They are zeros for a session that is bound to nothing.
    """
    if confirmation is None:
        return bytes(CONFIRMATION_ID_BYTES)
    return hashlib.sha256(length_prefixed(*(part.encode() for part in confirmation))).digest()


def certificate_proves(certificate: ClientCertificate, thumbprint: str) -> bool:
    """Whether the certificate is the one that the token is bound to (RFC 8705 §3.1)."""
    return hmac.compare_digest(confirmation_by(certificate)[1].encode(), thumbprint.encode())


def proof_fits_token(proof: VerifiedProof, *, token: bytes, thumbprint: str) -> bool:
    """Whether the proof is for this token and by the key that it names (RFC 9449 §4.3, 12)."""
    token_hash = to_base64url(hashlib.sha256(token).digest())
    return hmac.compare_digest(proof.thumbprint.encode(), thumbprint.encode()) and hmac.compare_digest(
        (proof.token_hash or "").encode(), token_hash.encode()
    )


def proof_fits_request(proof: VerifiedProof, given: DpopProof, *, now: float) -> bool:
    """Whether the proof is for this request and this moment (RFC 9449 §4.3, 8-11).

    Whether it was used before is another question.
    """
    return (
        proof.method == given.method
        and _normal(proof.url) is not None
        and _normal(proof.url) == _normal(given.url)
        and now - PROOF_SECONDS <= proof.issued_at <= now + PROOF_SKEW_SECONDS
    )


def is_request_url(url: str) -> bool:
    """Whether a proof could name this URL: it is absolute, http or https, without query and fragment."""
    parts = _split(url)
    return parts is not None and not parts.query and not parts.fragment


def _normal(url: str) -> tuple[str, str, int | None, str] | None:
    """The parts of a URL that count (RFC 3986 §6.2.2, §6.2.3), not query and fragment; None for no URL."""
    parts = _split(url)
    if parts is None:
        return None
    return parts.scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS[parts.scheme], parts.path or "/"


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        is_one = (
            parts.scheme in _DEFAULT_PORTS
            and bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
        )
    except ValueError:
        return None
    return parts if is_one else None
