"""The dashboard: Grafana takes it, its expressions are PromQL, its metrics exist, its panels have values."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
import yaml

from sessiond import AsyncClient
from tests.observability import prometheus, promtool
from tests.observability.dashboard import DASHBOARD, PANELS, PATH, TARGETS, metrics_in
from tests.observability.everything import Everything, running_everything
from tests.observability.prometheus import running_prometheus
from tests.observability.test_alerts import ALERTS
from tests.support.agent import Agent, running_agent
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

# Neither has TLS here.
EMPTY_WITHOUT_TLS = {"Days until a certificate expires"}
ONLY_WITH_TLS = {
    "sessiond_certificate_expiry_timestamp_seconds",
    "sessiond_store_certificate_expiry_timestamp_seconds",
}


@pytest.fixture(scope="module")
async def pair(
    agent_binary: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Everything, Agent]]:
    """A server with everything, and an agent before it, which may do what anybody may."""
    directory = tmp_path_factory.mktemp("p")
    async with AsyncExitStack() as stack:
        everything = await stack.enter_async_context(running_everything(directory))
        arguments = ("--insecure", "--ext-authz", "--key-file", str(directory / "everything.key"))
        agent = await stack.enter_async_context(
            running_agent(agent_binary, directory / "agent.log", everything.server.grpc, *arguments)
        )
        await agent.follows()
        yield everything, agent


def test_grafana_takes_it_without_asking() -> None:
    text = PATH.read_text()
    assert "__inputs" not in DASHBOARD
    assert "${DS_" not in text
    assert (DASHBOARD["uid"], DASHBOARD["title"]) == ("sessiond", "sessiond")
    variables = [one["name"] for one in DASHBOARD["templating"]["list"]]
    assert variables == ["datasource", "namespace", "job", "instance"]


def test_every_panel_says_what_it_shows_and_asks_the_chosen_source() -> None:
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(numbers) == len(set(numbers))
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        for one in (panel, *panel["targets"]):
            assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_no_panel_lies_upon_another() -> None:
    taken = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(taken) == len(set(taken))
    assert max(x for x, _ in taken) < 24


def test_every_series_is_of_the_chosen_instances() -> None:
    chosen = 'namespace=~".*",job=~".*",instance=~".*"'
    for target in TARGETS:
        assert target.expression.count("{") == target.expression.count(chosen), target


@promtool.needed
def test_every_expression_is_one(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": target.expression} for number, target in enumerate(TARGETS)
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    status, said = promtool.run("check", "rules", str(path))
    assert status == 0, said


async def test_every_metric_of_panels_and_alerts_is_shown_by_a_server_or_an_agent(
    pair: tuple[Everything, Agent],
) -> None:
    everything, agent = pair
    lines = [*(await everything.metrics()).splitlines(), *await agent.metrics()]
    shown = {line.split()[2] for line in lines if line.startswith("# TYPE ")}
    wanted = set.union(*(metrics_in(target.expression) for target in TARGETS))
    wanted |= set.union(*(metrics_in(rule["expr"]) for rule in ALERTS.values()))
    assert wanted - shown == ONLY_WITH_TLS


@prometheus.needed
@pytest.mark.slow
async def test_every_panel_has_a_value(pair: tuple[Everything, Agent], tmp_path: Path) -> None:
    """`make dashboard` prints them."""
    everything, agent = pair
    jobs = {"sessiond": everything.server.http, "sessiond-agent": agent.http}
    async with running_prometheus(tmp_path, jobs) as found:
        await everything.live()
        async with AsyncClient(agent.grpc, key=everything.key, timeout=5, cache=None) as client:
            token = (await client.create_local_session("alice", client_id="web")).access_token
            for _ in range(3):
                await client.validate(token)
        for target in TARGETS:
            if target.panel not in EMPTY_WITHOUT_TLS | {"Refresh token reused"}:
                values = await eventually(lambda target=target: found.values(target.expression), timeout=20)
                print(f"{target.panel:45} {len(values):3} series, at most {max(values):.6g}")  # noqa: T201
