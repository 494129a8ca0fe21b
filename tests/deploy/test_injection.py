"""What the chart's policy makes of pods, by the code of Kubernetes' own API server: `make admission`."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.conftest import Render
from tests.support import agent as agents
from tests.support import go_programs, kubernetes

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(agents.MISSING), reason=agents.MISSING),
]

MODULE = Path("tests/deploy/admission")
SOCKET = "unix:/run/sessiond/private/agent.sock"
MOUNT = {"name": "sessiond-socket", "mountPath": "/run/sessiond", "readOnly": True}
OWN_VOLUMES = ["sessiond-socket", "sessiond-token", "sessiond-ca"]
RESTRICTED = {
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "allowPrivilegeEscalation": False,
    "seccompProfile": {"type": "RuntimeDefault"},
    "capabilities": {"drop": ["ALL"]},
}

Admit = Callable[..., kubernetes.Pod]


def pod(**spec: Any) -> kubernetes.Pod:
    """A pod of one container, with these fields of its own."""
    containers = [{"name": "orders", "image": "orders:1", "securityContext": RESTRICTED}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "orders", "namespace": "shop"},
        "spec": {"containers": containers, **spec},
    }


@pytest.fixture(scope="session")
def admission(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = go_programs.shared_directory(tmp_path_factory)
    return go_programs.build(directory, "admission", ".", module=MODULE)


@pytest.fixture
def admit(render: Render, admission: Path, tmp_path: Path) -> Admit:
    """A pod as it is let in, with the chart's policy and these values of `sidecar`."""

    def admitted(asked: kubernetes.Pod, **sidecar: Any) -> kubernetes.Pod:
        manifests = render({"sidecar": {"enabled": True, **sidecar}})
        policy = tmp_path / "policy.yaml"
        policy.write_text(yaml.safe_dump(kubernetes.one(manifests, "MutatingAdmissionPolicy")))
        done = subprocess.run(
            [admission, policy], input=json.dumps([asked]), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        (pod,) = json.loads(done.stdout)
        assert kubernetes.schema_faults(pod, "1.37") == []
        return pod

    return admitted


def test_a_plain_pod_gets_the_agent_its_volumes_and_the_way_to_it(admit: Admit) -> None:
    admitted = admit(pod())
    spec = admitted["spec"]
    (agent,) = spec["initContainers"]
    assert (agent["name"], agent["restartPolicy"]) == ("sessiond-agent", "Always")
    assert f"--listen={SOCKET}" in agent["args"]
    assert [volume["name"] for volume in spec["volumes"]] == OWN_VOLUMES
    (application,) = spec["containers"]
    assert application["env"] == [{"name": "SESSIOND_ADDRESS", "value": SOCKET}]
    assert application["volumeMounts"] == [MOUNT]
    assert application["securityContext"] == RESTRICTED
    assert spec["securityContext"]["fsGroup"] == 65532
    assert kubernetes.restricted_faults(admitted) == []


def test_it_comes_before_all_that_is_there_and_the_rest_stays(admit: Admit) -> None:
    asked = pod(
        initContainers=[
            {"name": "migrate", "image": "orders:1", "securityContext": RESTRICTED, "env": [{"name": "A"}]}
        ],
        volumes=[{"name": "data", "emptyDir": {}}],
        securityContext={"fsGroup": 2000, "runAsNonRoot": True},
        serviceAccountName="orders",
    )
    asked["spec"]["containers"].append(
        {
            "name": "proxy",
            "image": "proxy:1",
            "securityContext": RESTRICTED,
            "env": [{"name": "B", "value": "b"}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }
    )
    spec = admit(copy.deepcopy(asked))["spec"]
    names = [container["name"] for container in spec["initContainers"]]
    assert names == ["sessiond-agent", "migrate"]
    assert [volume["name"] for volume in spec["volumes"]] == ["data", *OWN_VOLUMES]
    assert spec["securityContext"] == {"fsGroup": 2000, "runAsNonRoot": True}
    assert spec["serviceAccountName"] == "orders"
    proxy = spec["containers"][1]
    assert proxy["env"] == [{"name": "B", "value": "b"}, {"name": "SESSIOND_ADDRESS", "value": SOCKET}]
    assert proxy["volumeMounts"] == [{"name": "data", "mountPath": "/data"}, MOUNT]
    assert "SESSIOND_ADDRESS" not in str(spec["initContainers"][1])


def test_an_address_that_a_container_has_already_is_kept(admit: Admit) -> None:
    asked = pod()
    asked["spec"]["containers"][0]["env"] = [{"name": "SESSIOND_ADDRESS", "value": "sessiond:50051"}]
    (application,) = admit(asked)["spec"]["containers"]
    assert application["env"] == [{"name": "SESSIOND_ADDRESS", "value": "sessiond:50051"}]


def test_a_pod_that_has_the_agent_and_one_of_windows_stay_as_they_are(admit: Admit) -> None:
    once = admit(pod())
    assert admit(copy.deepcopy(once)) == once
    windows = pod(os={"name": "windows"})
    assert "initContainers" not in admit(windows)["spec"]


def test_what_the_values_say_arrives_in_the_pod(admit: Admit) -> None:
    spec = admit(
        pod(),
        config='--ext-authz\n--ext-authz-hosts=a"b\\c,<d>&e\n',
        fsGroup=3000,
        audience="https://sessiond.example/?a=1&b=2",
        ca={"configMap": ""},
        httpPort=9000,
    )["spec"]
    (agent,) = spec["initContainers"]
    assert agent["args"][-2:] == ["--ext-authz", '--ext-authz-hosts=a"b\\c,<d>&e']
    assert spec["securityContext"]["fsGroup"] == 3000
    assert "https://sessiond.example/?a=1&b=2" in str(spec["volumes"])
    assert [volume["name"] for volume in spec["volumes"]] == OWN_VOLUMES[:-1]
    assert agent["livenessProbe"]["httpGet"]["port"] == agent["ports"][0]["containerPort"] == 9000
