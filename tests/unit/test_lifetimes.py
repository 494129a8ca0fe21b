"""How long sessions may live: the shortest of what binds them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sessiond_server.domain.session import IssuerLifetimes, Lifetimes

SPANS = st.integers(1, 1000)
OWN = st.none() | SPANS
LONGEST = st.builds(
    lambda absolute, idle: Lifetimes(absolute_ms=absolute, idle_ms=min(idle, absolute), grace_ms=7),
    SPANS,
    SPANS,
)


@given(LONGEST, OWN, OWN)
def test_nothing_makes_a_session_live_longer(
    longest: Lifetimes, absolute_ms: int | None, idle_ms: int | None
) -> None:
    found = longest.at_most(absolute_ms=absolute_ms, idle_ms=idle_ms)
    assert found.absolute_ms == min(longest.absolute_ms, absolute_ms or longest.absolute_ms)
    assert found.idle_ms == min(longest.idle_ms, idle_ms or longest.idle_ms, found.absolute_ms)
    assert found.grace_ms == longest.grace_ms


def test_a_tenant_without_its_own_has_the_issuers() -> None:
    longest, short = Lifetimes(100, 10, 1), Lifetimes(50, 5, 1)
    lifetimes = IssuerLifetimes(longest, {"org_1": short})
    assert [lifetimes.of(tenant) for tenant in ("org_1", "org_2", "", None)] == [short, *[longest] * 3]
