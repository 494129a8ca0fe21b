"""Manifests as they would come to an API server: schemas, pods, and Pod Security's level `restricted`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kubernetes_validate
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Manifest = dict[str, Any]
Pod = dict[str, Any]

VERSIONS = [f"1.{minor}" for minor in range(29, 38)]
# Prometheus's operator brings the schemas of these; see tests/support/custom_resources.py.
WITHOUT_SCHEMA = {"ServiceMonitor", "PrometheusRule"}
_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def read(text: str) -> list[Manifest]:
    """The manifests in a stream of them."""
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]


def one(manifests: Iterable[Manifest], kind: str, name: str | None = None) -> Manifest:
    """The only one of its kind, or of its kind and name."""
    named = (None, name) if name is None else (name,)
    (found,) = [
        manifest
        for manifest in manifests
        if manifest["kind"] == kind and (None in named or manifest["metadata"]["name"] in named)
    ]
    return found


def pods(manifests: Iterable[Manifest]) -> dict[str, Pod]:
    """What each manifest that makes pods makes, by kind and name."""
    found = {}
    for manifest in manifests:
        spec = manifest if manifest["kind"] == "Pod" else manifest.get("spec", {}).get("template")
        if spec:
            found[f"{manifest['kind']} {manifest['metadata']['name']}"] = spec
    return found


def schema_faults(manifest: Manifest, version: str) -> list[str]:
    """What that version of Kubernetes would refuse, unknown fields among it."""
    if manifest["kind"] in WITHOUT_SCHEMA:
        return []
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.SchemaNotFoundError as error:
        return [str(error.message)]
    except kubernetes_validate.ValidationError as error:
        return [f"{manifest['kind']}: {error.message}"]
    return []


def restricted_faults(pod: Pod) -> list[str]:
    """What Pod Security's level `restricted` would refuse of a pod."""
    return [*_pod_faults(pod["spec"]), *_container_faults(pod["spec"])]


def _pod_faults(spec: Manifest) -> Iterator[str]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            yield field
    if spec.get("securityContext", {}).get("sysctls"):
        yield "sysctls"
    for volume in spec.get("volumes", []):
        if kinds := set(volume) - {"name"} - _VOLUMES:
            yield f"volume {volume['name']}: {kinds}"


def _container_faults(spec: Manifest) -> Iterator[str]:
    of_pod = spec.get("securityContext", {})
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        said = {**of_pod, **container.get("securityContext", {})}
        capabilities = said.get("capabilities", {})
        sound = {
            "privileged": not said.get("privileged"),
            "allowPrivilegeEscalation": said.get("allowPrivilegeEscalation") is False,
            "runAsNonRoot": said.get("runAsNonRoot") is True,
            "runAsUser": said.get("runAsUser") != 0,
            "seccompProfile": said.get("seccompProfile", {}).get("type") in {"RuntimeDefault", "Localhost"},
            "capabilities.drop": "ALL" in capabilities.get("drop", []),
            "capabilities.add": set(capabilities.get("add", [])) <= {"NET_BIND_SERVICE"},
            "procMount": said.get("procMount", "Default") == "Default",
            "hostPort": not any("hostPort" in port for port in container.get("ports", [])),
        }
        yield from (f"container {container['name']}: {field}" for field, holds in sound.items() if not holds)
