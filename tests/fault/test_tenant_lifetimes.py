"""Sessions of a tenant live no longer than the tenant's own settings say, however they were opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sessiond_server.adapters.embedded.store import embedded_store
from tests.support.fakes import SilentLogger
from tests.support.unlistened import LOCAL, Unlistened, unlistened

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

HOUR = 3600
ISSUER = {"idle": "2h", "absolute": "8h"}
# One is shorter in both, one in one of them, and one would be longer.
TENANTS = [
    {"tenant": "org_short", "idle": "30m", "absolute": "1h"},
    {"tenant": "org_1", "absolute": "90m"},
    {"tenant": "org_long", "idle": "9h", "absolute": "90h"},
]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Unlistened]:
    own: dict[str, Any] = {**ISSUER, "tenant_lifetimes": TENANTS}
    async with embedded_store(tmp_path / "d", logger=SilentLogger()) as store:
        tenants = [one["tenant"] for one in TENANTS] + ["org_2"]
        at = f"unix://{store.socket_path}"
        async with unlistened(tmp_path, at, local=own, **own, tenants=tenants) as found:
            yield found


async def lives(server: Unlistened, issuer: str, subject: str) -> tuple[float, float]:
    """For how many hours its session may go unused, and live at the longest."""
    (session,) = await server.sessions(issuer, subject)
    began = session.create_time.seconds
    return tuple(
        round((at.seconds - began) / HOUR, 1)
        for at in (session.idle_expire_time, session.absolute_expire_time)
    )


EXPECTED = [
    ("org_short", (0.5, 1.0)),
    ("org_1", (1.5, 1.5)),
    ("org_long", (2.0, 8.0)),
    ("org_2", (2.0, 8.0)),
]


async def test_of_the_local_issuer(server: Unlistened) -> None:
    for number, (tenant, expected) in enumerate([*EXPECTED, ("", (2.0, 8.0))]):
        await server.login(f"user-{number}", tenant=tenant)
        assert await lives(server, LOCAL, f"user-{number}") == expected


async def brought(server: Unlistened, wanted: dict[str, str]) -> Any:
    return await server.login_at_provider(**wanted)


async def redeemed(server: Unlistened, wanted: dict[str, str]) -> Any:
    return await server.login_with_code(**wanted)


async def adopted(server: Unlistened, wanted: dict[str, str]) -> Any:
    return await server.adopt((await server.idp.login(**wanted))["refresh_token"])


@pytest.mark.parametrize("open_session", [brought, redeemed, adopted])
async def test_of_a_provider(
    server: Unlistened, open_session: Callable[[Unlistened, dict[str, str]], Awaitable[Any]]
) -> None:
    for number, (tenant, expected) in enumerate(EXPECTED):
        subject = f"usr_{number}"
        await open_session(server, {"subject": subject, "tenant": tenant})
        assert await lives(server, server.idp.issuer, subject) == expected


async def test_a_refresh_moves_the_idle_expiry_by_the_tenants_span_alone(server: Unlistened) -> None:
    opened = await server.login("alice", tenant="org_short")
    (first,) = await server.sessions(LOCAL, "alice")
    await server.refresh(opened.refresh_token)
    (second,) = await server.sessions(LOCAL, "alice")
    assert second.absolute_expire_time == first.absolute_expire_time
    idle_ms = second.idle_expire_time.ToMilliseconds() - second.last_refresh_time.ToMilliseconds()
    assert idle_ms == 30 * 60_000
