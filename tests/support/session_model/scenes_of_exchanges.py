"""What may happen to exchanges at the provider: two at once, lost ones, late ones, and overtaken ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.support.session_model.families import FIRST_HOLD_MS, LEASE_MS

if TYPE_CHECKING:
    from tests.support.session_model.scene import Scene

# The store's clock goes on by more than a lease at once.
BEYOND_A_LEASE_MS: Final = 2 * LEASE_MS


def wanted_twice(scene: Scene) -> None:
    first = scene.refresh(scene.provider, {"upstream": "stall before"}, at=(0, 1))
    scene.go_on(first)


def never_answered(scene: Scene) -> None:
    """Nobody knows what became of it, and its lease is not given back."""
    scene.refresh(scene.provider, {"upstream": "no reply"})
    scene.wait(LEASE_MS)
    scene.refresh(scene.provider, at=(1,))


def cut_off(scene: Scene) -> None:
    """Nobody knows whether the provider is at it, and the lease is given back."""
    scene.refresh(scene.provider, {"upstream": "closed"})
    scene.refresh(scene.provider, at=(1,))


def cut_off_ahead_of_the_clock(scene: Scene) -> None:
    """The store's clock is set back behind it, and the next one comes to nothing."""
    scene.refresh(scene.provider, {"upstream": "failed after"})
    scene.set_store_clock(-400)
    scene.refresh(scene.provider, {"upstream": "unreachable"})


def bringing_what_does_not_fit(scene: Scene) -> None:
    scene.refresh(scene.provider, {"upstream": "unfit"})
    scene.refresh(scene.provider)
    scene.wait(FIRST_HOLD_MS)
    scene.refresh(scene.provider)


def revoked_under_it(scene: Scene) -> None:
    """What was brought is stored when the session has ended."""
    exchange = scene.refresh(scene.provider, {"commit": "stall before"})
    scene.revoke(scene.provider)
    scene.go_on(exchange)


def stored_late_behind_the_next(scene: Scene) -> None:
    """It was given up and sent again; the first one arrives when the session has gone on."""
    exchange = scene.refresh(scene.provider, {"commit": "late"})
    scene.wait(1_000)
    scene.refresh(scene.provider)
    scene.arrive(exchange)


def stored_late_behind_a_hold(scene: Scene) -> None:
    """Its server has crashed; another one has got a newer token of the provider, which is held."""
    exchange = scene.refresh(scene.provider, {"upstream": "no new token", "commit": "late"})
    scene.crash()
    scene.wait(LEASE_MS)
    scene.refresh(scene.provider, {"upstream": "unfit"}, at=(1,))
    scene.arrive(exchange)


def held_late_behind_another_lease(scene: Scene) -> None:
    """Its server has crashed, and another one has had the lease, without success."""
    exchange = scene.refresh(scene.provider, {"upstream": "unfit", "hold": "late"})
    scene.crash()
    scene.wait(LEASE_MS)
    scene.refresh(scene.provider, {"upstream": "unreachable"}, at=(1,))
    scene.arrive(exchange)


def refused_behind_its_lease(scene: Scene) -> None:
    """The provider's token was spent before; when the provider says so, the lease has run out."""
    scene.refresh(scene.provider, {"upstream": "closed"})
    exchange = scene.refresh(scene.provider, {"upstream": "stall before"}, at=(1,))
    scene.set_store_clock(BEYOND_A_LEASE_MS)
    scene.go_on(exchange)


def refused_under_another_lease(scene: Scene) -> None:
    """The provider's token was spent before; when the provider says so, somebody else has the lease."""
    scene.refresh(scene.provider, {"upstream": "closed"})
    exchange = scene.refresh(scene.provider, {"upstream": "stall before"}, at=(1,))
    scene.set_store_clock(BEYOND_A_LEASE_MS)
    another = scene.refresh(scene.provider, {"upstream": "stall before"})
    scene.go_on(exchange)
    scene.go_on(another)


def leased_by_who_stands_still(scene: Scene) -> None:
    """Whoever wakes with a lease that has run out does not use it."""
    frozen = scene.refresh(scene.provider, {"rotate": "freeze"})
    scene.wait(LEASE_MS)
    scene.refresh(scene.provider, at=(1,))
    scene.go_on(frozen)


def refused_by_the_store(scene: Scene) -> None:
    """What was brought is stored at the second attempt."""
    scene.refresh(scene.provider, {"commit": "refused"})
    scene.wait(1_000)
    scene.refresh(scene.provider, back=1, at=(1,))


def left_by_its_caller(scene: Scene) -> None:
    exchange = scene.refresh(scene.provider, {"upstream": "stall after"})
    scene.leave(exchange)
    scene.refresh(scene.provider, at=(1,))
    scene.go_on(exchange)
