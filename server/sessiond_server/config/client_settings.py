"""Our clients at an issuer, and what shows who they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sessiond_server.config.kinds import TEXT, Kind, NotAllowedError, one_of, setting
from sessiond_server.config.path_kinds import FILE
from sessiond_server.domain.client_authentication import THUMBPRINT, AssertionAudience
from sessiond_server.domain.policy import EDDSA, SIGNATURE_ALGORITHMS

SIGNATURE: Final = one_of(*sorted({*SIGNATURE_ALGORITHMS, EDDSA}))
ROTATING: Final = "rotating"
RENEWING: Final = "renewing"
STATIC: Final = "static"
FAMILY: Final = "family"
MORE: Final = "more"
KEY_FILE_MEANING: Final = (
    "in the place of a secret: our private key, PEM, that signs who we are for each request "
    "(`private_key_jwt`); behind it may stand its certificate, whose hash is told then (`x5t#S256`)"
)
KEY_ID_MEANING: Final = (
    f'the name by which the provider knows that key (`kid`), or "{THUMBPRINT}": that of RFC 7638; unset: none'
)
KEY_ALGORITHM_MEANING: Final = "what it signs with; unset: RS256, ES256, ES384, ES512 or EdDSA, by its kind"


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientSettings:
    """Another client of ours at an issuer, whose tokens may open a session too."""

    client_id: str = setting(TEXT, "a further client of ours, whose tokens may open a session too")
    client_secret_file: Path | None = setting(
        FILE, "that client's secret; with no key either it is a public client", default=None
    )
    client_auth: str = setting(one_of("post", "basic"), "how that secret is sent", default="post")
    client_key_file: Path | None = setting(FILE, "as that of the issuer", default=None)
    client_key_id: str | None = setting(TEXT, "as that of the issuer", default=None)
    client_key_algorithm: str | None = setting(SIGNATURE, "as that of the issuer", default=None)


def _audience(value: object) -> AssertionAudience | str:
    text = TEXT.read(value)
    if text in set(AssertionAudience):
        return AssertionAudience(text)
    # Whatever has a colon has to be an address (RFC 7519 §2), and everything else is a word that is mistyped.
    if ":" not in text:
        raise NotAllowedError
    return text


AUDIENCE: Final = Kind("audience", f"{one_of(*AssertionAudience).allowed}, or an address", _audience)
