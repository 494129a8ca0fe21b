"""What can be set of the issuers whose tokens show which workload calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from sessiond_server.config.kinds import NETWORK, SWITCH, TEXT, many, one_of, setting, span, words
from sessiond_server.config.path_kinds import FILE
from sessiond_server.config.workload_presets import WORKLOAD_PRESETS
from sessiond_server.domain.policy import EDDSA, KEY_USES, SIGNATURE_ALGORITHMS, SIGNATURES

WORKLOAD_TOKEN_TYPES: Final = ("at+jwt", "jwt", "jose", "absent")


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkloadIssuerSettings:
    """An issuer whose tokens show which workload calls; no end user's token is accepted of it."""

    issuer: str = setting(TEXT, "its `iss`, to the letter")
    preset: str = setting(
        one_of(*WORKLOAD_PRESETS), "what is known of such issuers; any key overrides", default="oidc"
    )
    audience: str = setting(TEXT, "the one audience of its tokens: this service, and nobody else")
    algorithms: tuple[str, ...] = setting(
        words(sorted({*SIGNATURE_ALGORITHMS, EDDSA}), least=1),
        "signature algorithms; `EdDSA` is `Ed25519`",
        default=("ES256", "Ed25519", "PS256", "RS256"),
    )
    discovery: bool = setting(
        SWITCH, "whether the address of its key set is looked up where it is not given", default=True
    )
    jwks_url: str | None = setting(TEXT, "its key set", default=None)
    key_uses: tuple[str, ...] = setting(
        words(KEY_USES, least=1),
        "accepted `use` of its keys; one without `use` is for signatures",
        default=SIGNATURES,
    )
    token_types: tuple[str, ...] = setting(
        words(WORKLOAD_TOKEN_TYPES, least=1), "accepted `typ`", default=("jwt", "absent")
    )
    clock_skew: timedelta = setting(
        span("0s", "5m"), "how far its clock may be ahead of ours", default=timedelta(seconds=30)
    )
    max_token_lifetime: timedelta = setting(
        span("1m", "7d"), "longest life of a token", default=timedelta(hours=1)
    )
    max_stale: timedelta = setting(
        span("1m", "7d"),
        "how long known keys serve while the issuer cannot be reached",
        default=timedelta(hours=12),
    )
    ca_file: Path | None = setting(
        FILE, "authorities of its certificate, PEM; unset: those that the machine trusts", default=None
    )
    token_file: Path | None = setting(
        FILE,
        "the token that its keys are asked for with, only beside `ca_file`, and read each time: what "
        "sessiond's own pod has for the API server of its cluster",
        default=None,
    )
    allow_http: bool = setting(SWITCH, "allow plain http, to loopback only", default=False)
    allowed_networks: tuple[str, ...] = setting(
        many(NETWORK), "networks that are not public and may be called", default=()
    )
