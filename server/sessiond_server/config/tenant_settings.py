"""What can be set for a tenant of an issuer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sessiond_server.config.kinds import TEXT, setting, span


@dataclass(frozen=True, kw_only=True, slots=True)
class TenantLifetimeSettings:
    """How long sessions of a tenant may live; what the issuer says binds them too, and the shorter counts."""

    tenant: str = setting(TEXT, "a tenant, as the claim `claims.tenant` or a local login names it")
    idle: timedelta | None = setting(
        span("1m", "365d"), "longest time between two refreshes, where the issuer's is longer", default=None
    )
    absolute: timedelta | None = setting(
        span("1m", "3650d"), "longest life of a session, where the issuer's is longer", default=None
    )
