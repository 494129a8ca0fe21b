"""What every page of the log is judged by before it counts."""

from __future__ import annotations

from dataclasses import dataclass

from sessiond_server.service.revocation.clocks import Clocks
from sessiond_server.service.revocation.primacy import Primacy
from sessiond_server.service.revocation.store_loss import StoreLoss


@dataclass(frozen=True, slots=True)
class StoreChecks:
    """Which clock the store goes by, whether it is the one whose log counts, and whether it has lost all."""

    clocks: Clocks
    primacy: Primacy
    loss: StoreLoss
