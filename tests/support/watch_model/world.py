"""A run of the model: three servers, a relay, and five clients with what can go wrong for each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from tests.support.watch_model.clients import Findings, ModelClient
from tests.support.watch_model.facts import KEY_FETCH, Key, Token, Truth
from tests.support.watch_model.relay import Relay
from tests.support.watch_model.servers import Server
from tests.support.watch_model.simulation import ModelClock, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable

LIVE_TOKENS: Final = 12
# Ended tokens are presented for so long, so that a late acceptance is seen.
PRESENTED_AFTER: Final = 70.0


class World:
    """Everything that happens in it depends on the seed alone."""

    def __init__(self, seed: int, relay: type[Relay] = Relay) -> None:
        self.simulation = simulation = Simulation(seed)
        self.findings = Findings()
        self.truth = truth = Truth(simulation)
        self._key: Key = truth.key()
        self.servers = [Server(simulation, truth) for _ in range(3)]
        self.relay = relay(simulation, ModelClock(simulation), self.servers)
        self.near, self.far, self.jumping, self.suspended = (
            ModelClient(name, simulation, ModelClock(simulation, rate=rate), self.servers, self.findings)
            for name, rate in (("near", 1.0), ("far", 1.00002), ("jumping", 0.99998), ("suspended", 1.0))
        )
        self.behind = [
            ModelClient(name, simulation, ModelClock(simulation, rate=1.00002), [self.relay], self.findings)
            for name in ("behind a relay", "also behind it")
        ]
        self.clients = [self.near, self.far, self.jumping, self.suspended, *self.behind]
        for _ in range(LIVE_TOKENS):
            self._make()
        self._begin()

    def run(self, seconds: float, *, until_late: bool = False) -> Findings:
        is_over: Callable[[], bool] = lambda: until_late and bool(self.findings.late)  # noqa: E731
        self.simulation.run(seconds, is_over)
        self.findings.streams = sum(1 + client.watch.reconnects for client in self.clients)
        return self.findings

    def _begin(self) -> None:
        simulation, every = self.simulation, self.simulation.every
        for follower in (self.relay, *self.clients):
            simulation.after(0.0, follower.mind)
            every(30, 90, partial(self._stall, follower))
        every(15, 60, self._trouble_the_store)
        every(30, 90, self._trouble_the_relay)
        for client in self.clients:
            every(0.2, 1.0, partial(self._validate, client))
        every(1, 4, self._revoke)
        every(5, 20, self._make_up)
        every(200, 400, self._withdraw_key)
        every(80, 160, self._reconfigure)
        every(60, 180, lambda: self._any_server().restart(simulation.random.uniform(0.2, 3)))
        every(30, 60, self._move_far)
        every(50, 150, self._jump)
        every(60, 180, self._suspend)

    def _make(self) -> Token:
        is_bound = self.simulation.random.random() < 0.4
        needs = self.truth.configuration if is_bound else -1
        return self.truth.token(key=self._key, needs_configuration=needs)

    def _make_up(self) -> None:
        """Ended tokens leave in time, and others come."""
        now = self.simulation.now
        self.truth.tokens[:] = [one for one in self.truth.tokens if one.ended_at > now - PRESENTED_AFTER]
        while sum(one.ended_at > now for one in self.truth.tokens) < LIVE_TOKENS:
            self._make()

    def _validate(self, client: ModelClient) -> None:
        """Twice, a moment apart: the second may join the first."""
        token = self.simulation.pick(self.truth.tokens[-LIVE_TOKENS * 3 :])
        client.validate(token)
        self.simulation.after(self.simulation.random.uniform(0, 1.5), partial(client.validate, token))

    def _revoke(self) -> None:
        simulation, random = self.simulation, self.simulation.random
        live = [one for one in self.truth.tokens if one.place is None and one.ended_at > simulation.now]
        if not live:
            return
        token, client = simulation.pick(live), simulation.pick(self.clients)
        self.truth.revoke(token)
        for other in self.clients:  # whoever had it goes on with it
            simulation.after(random.uniform(0, 1.2), partial(other.validate, token))

        def answer() -> None:
            token.answered_at = simulation.now
            client.end(token)
            simulation.after(0.0, partial(client.validate, token))

        simulation.after(random.uniform(0.002, 0.05), answer)

    def _withdraw_key(self) -> None:
        old, self._key = self._key, self.truth.key()
        old.withdrawn_at = self.simulation.now
        for token in self.truth.tokens:
            if token.key == old.hashed_id:
                token.gone_at = min(token.gone_at, old.withdrawn_at + KEY_FETCH)

    def _reconfigure(self) -> None:
        """One server after the other; then nobody accepts what the old configuration alone allowed."""
        self.truth.configuration += 1
        configuration, last = self.truth.configuration, 0.0
        for server in self.servers:
            at = self.simulation.random.uniform(0, 5)
            last = max(last, at)
            self.simulation.after(at, partial(server.restart, 0.5))

        def over() -> None:
            for token in self.truth.tokens:
                if 0 <= token.needs_configuration < configuration:
                    token.gone_at = min(token.gone_at, self.simulation.now)

        self.simulation.after(last, over)

    def _stall(self, follower: ModelClient | Relay) -> None:
        follower.line.stall(self.simulation.random.uniform(0.2, 4.0))

    def _trouble_the_store(self) -> None:
        random = self.simulation.random
        for server in self.servers:
            server.stall(random.uniform(0.2, 1.2), resync=random.random() < 0.4)
        for _ in range(3):
            self.simulation.after(random.uniform(0, 0.8), self._revoke)

    def _trouble_the_relay(self) -> None:
        """It and those behind it hear nothing for a while."""
        for follower in (self.relay, *self.behind):
            follower.line.stall(self.simulation.random.uniform(0.5, 2.0))

    def _any_server(self) -> Server:
        return self.simulation.pick(self.servers)

    def _move_far(self) -> None:
        self.far.line.delay = self.simulation.pick((0.002, 0.3, 2.0, 5.0))

    def _jump(self) -> None:
        self.jumping._clock.set_ahead += self.simulation.random.uniform(-3600, 3600)

    def _suspend(self) -> None:
        """The first thing that it does afterwards is to ask again about everything."""
        client, tokens = self.suspended, self.truth.tokens
        client.freeze(
            self.simulation.random.uniform(2, 40), lambda: [client.validate(token) for token in tokens]
        )
