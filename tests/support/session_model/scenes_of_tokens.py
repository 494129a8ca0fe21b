"""What may happen to refresh tokens: they come again, late, forged, behind an outage, or behind the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.session_model.outages import LONGEST_PAUSE_MS
from tests.support.session_model.scene import DESK
from tests.support.session_model.stage import TERMS

if TYPE_CHECKING:
    from tests.support.session_model.scene import Scene


def replayed_at_another_server(scene: Scene) -> None:
    scene.refresh(scene.local)
    scene.refresh(scene.local, back=1, at=(1,))


def presented_by_another_device(scene: Scene) -> None:
    scene.refresh(scene.local)
    scene.refresh(scene.local, back=1, device=DESK)


def presented_behind_its_successors_successor(scene: Scene) -> None:
    scene.refresh(scene.local)
    scene.refresh(scene.local)
    scene.refresh(scene.local, back=2)


def presented_while_its_successor_is_used(scene: Scene) -> None:
    scene.refresh(scene.provider)
    successor = scene.refresh(scene.provider, {"upstream": "stall before"})
    scene.refresh(scene.provider, back=1)
    scene.go_on(successor)


def presented_behind_its_window(scene: Scene) -> None:
    scene.refresh(scene.local)
    scene.wait(TERMS.grace)
    scene.refresh(scene.local, back=1)


def presented_in_its_window_and_judged_behind_it(scene: Scene) -> None:
    scene.refresh(scene.local)
    scene.wait(TERMS.grace - 100)
    again = scene.refresh(scene.local, {"rotate": "stall before"}, back=1)
    scene.wait(200)
    scene.go_on(again)


def presented_behind_an_outage(scene: Scene) -> None:
    scene.refresh(scene.local)
    scene.outage(TERMS.grace + 5_000)
    scene.refresh(scene.local, back=1)


def presented_long_behind_an_outage(scene: Scene) -> None:
    scene.refresh(scene.local)
    scene.outage(5_000)
    scene.wait(TERMS.grace)
    scene.refresh(scene.local, back=1)


def presented_behind_a_later_outage(scene: Scene) -> None:
    """The first one began in the token's grace, and the second one behind that."""
    scene.refresh(scene.local)
    scene.wait(TERMS.grace // 2)
    scene.outage(TERMS.grace)
    scene.wait(TERMS.grace // 2 - 1)
    scene.outage(TERMS.grace)
    scene.refresh(scene.local, back=1)


def presented_behind_a_long_outage(scene: Scene) -> None:
    scene.refresh(scene.local)
    scene.outage(TERMS.grace + LONGEST_PAUSE_MS)
    scene.refresh(scene.local, back=1)


def used_for_as_long_as_it_may_be(scene: Scene) -> None:
    """The session is never idle, until its absolute lifetime is over."""
    while scene.driver.world.now_ms + TERMS.idle < scene.local.absolute_expire_ms:
        scene.wait(TERMS.idle - 1)
        scene.refresh(scene.local)
    scene.wait(scene.local.absolute_expire_ms - scene.driver.world.now_ms)
    scene.refresh(scene.local)


def idle(scene: Scene) -> None:
    scene.wait(TERMS.idle)
    scene.refresh(scene.local)


def forged(scene: Scene) -> None:
    scene.forge(scene.local)


def carried_out_late(scene: Scene) -> None:
    """It was given up, and the token was spent elsewhere, when the command gets to the store."""
    late = scene.refresh(scene.local, {"rotate": "late"})
    scene.refresh(scene.local, at=(1,))
    scene.wait(3_000)
    scene.arrive(late)


def presented_behind_a_revocation(scene: Scene) -> None:
    scene.revoke(scene.local)
    scene.refresh(scene.local)


def validated_behind_a_revocation(scene: Scene) -> None:
    scene.revoke(scene.local)
    scene.validate(scene.local)
