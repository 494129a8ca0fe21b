"""Whether this server should get calls: SERVING has to be earned, and can be lost."""

from __future__ import annotations

from collections.abc import Sequence

from sessiond_server.app.build import App
from sessiond_server.app.supervision import Supervision


class Readiness:
    """Knows the reasons why this server is not ready.

    `store_faults` are the reasons why the store, as much of it as answers, cannot be trusted; None before it
    was looked at.
    `store_remarks` are what could be better about it. `is_stopping` says that no new calls are wanted,
    whatever else is well.
    """

    def __init__(self, app: App, supervision: Supervision) -> None:
        self._app = app
        self._supervision = supervision
        self.store_faults: list[str] | None = None
        self.store_remarks: list[str] = []
        self.is_stopping = False

    @property
    def is_ready(self) -> bool:
        """Whether this server should get calls."""
        return not self.not_ready_reasons()

    def not_ready_reasons(self) -> list[str]:
        """Why this server should not get calls yet, or for now; empty when it should."""
        stopping = ["the server is about to stop"] if self.is_stopping else []
        return [
            *stopping,
            *self._of_the_store(),
            *self._of_the_issuers(),
            *self._of_the_workload_issuers(),
        ]

    def remarks(self) -> list[str]:
        """What is wrong, and no reason to send calls elsewhere."""
        reason = self._app.stores.writes.refused_for
        refused = [f"the store takes no writes: {reason}"] if reason else []
        if self._app.answers_when_stale and not self._app.revocations.is_fresh:
            refused.append("tokens are accepted that may have been revoked: the store does not answer")
        if (stale := self._app.revocations.stale_partitions) and self._has_fresh_partitions:
            refused.append(
                f"{stale} of {len(self._app.revocations.partitions)} partitions of the store do not answer"
            )
        refused += map(_without_keys, self._workload_issuers_without_keys())
        refused += self.store_remarks
        return refused + [f"fails again and again: {name}" for name in self._supervision.failing]

    @property
    def _has_fresh_partitions(self) -> bool:
        """Where a node of a cluster is away, nobody else answers better for what is there."""
        revocations = self._app.revocations
        return revocations.stale_partitions < len(revocations.partitions)

    def _of_the_store(self) -> Sequence[str]:
        revocations = self._app.revocations
        if self.store_faults is None or not revocations.has_read_what_answers:
            return [self._app.primacy.not_ready_reason or "the revocation log has not been read yet"]
        if not self._has_fresh_partitions and not self._app.answers_when_stale:
            return [self._app.primacy.not_ready_reason or "the store does not answer"]
        return [*self._of_the_clocks(), *self.store_faults]

    def _of_the_clocks(self) -> Sequence[str]:
        excess = self._app.clocks.excess_seconds
        if excess is None:
            return []
        return [f"the clocks of this server and the store differ by {excess:.1f} s"]

    def _of_the_workload_issuers(self) -> Sequence[str]:
        """One of them with keys is enough, and none is needed where others than workloads may call."""
        untried = [one.settings.issuer for one in self._app.workload_issuers if not one.key_set.was_tried]
        if untried:
            return list(map(_not_asked, untried))
        without_keys = self._workload_issuers_without_keys()
        if self._app.has_other_callers or len(without_keys) < len(self._app.workload_issuers):
            return []
        return list(map(_without_keys, without_keys))

    def _workload_issuers_without_keys(self) -> list[str]:
        return [one.settings.issuer for one in self._app.workload_issuers if not one.key_set.is_ready]

    def _of_the_issuers(self) -> Sequence[str]:
        """One issuer with keys is enough, once every one has been asked."""
        issuers = self._app.issuers
        untried = [_not_asked(one.settings.issuer) for one in issuers if not one.key_set.was_tried]
        if self._app.local_issuer or any(one.key_set.is_ready for one in issuers):
            return untried
        return untried or [_without_keys(one.settings.issuer) for one in issuers]


def _not_asked(issuer: str) -> str:
    return f"{issuer} has not been asked for its keys yet"


def _without_keys(issuer: str) -> str:
    return f"no keys of {issuer} can be had"
