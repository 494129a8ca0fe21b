"""Private keys of ours that sign tokens."""

from __future__ import annotations

from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sessiond_server.adapters.jwt.verification import KeyUnfitError

PrivateKey: TypeAlias = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey


def read_private_key(pem: bytes) -> PrivateKey:
    """Read an unencrypted private key of a kind that signs tokens: EC, RSA or Ed25519.

    Whether it is strong enough is told by what signs with it.

    Raises:
        KeyUnfitError: it is something else.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    # The error is raised out here, so that no error of a library, which may speak of the content, becomes its
    # context.
    if not isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey):
        raise KeyUnfitError("not an unencrypted PEM private key of a kind that signs tokens")
    return key
