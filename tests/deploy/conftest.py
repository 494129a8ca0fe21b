"""Charts are rendered by a real Helm: `make chart` installs one where there is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import kubernetes
from tools import helm

Render = Callable[..., list[kubernetes.Manifest]]
SECRET = {"existingSecret": "sessiond-keys"}


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """The manifests of a release with these values, to which the Secret is added."""
    if helm.find() is None:
        pytest.skip("helm is not here: make chart installs one")

    def manifests(
        values: dict[str, Any] | None = None,
        *arguments: str,
        release: str = "sessiond",
        kubernetes_version: str = "1.37.0",
    ) -> list[kubernetes.Manifest]:
        file = tmp_path / "values.json"
        file.write_text(json.dumps({**SECRET, **(values or {})}))
        said = ("--namespace", "auth", "--values", str(file), *arguments)
        return kubernetes.read(helm.template(release, helm.CHART, *said, kubernetes=kubernetes_version))

    return manifests
