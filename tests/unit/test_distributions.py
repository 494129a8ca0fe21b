import tomllib
from pathlib import Path

import pytest

import sessiond
import sessiond_server

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked(name: str) -> set[str]:
    """The packages of a lock."""
    lines = (ROOT / name).read_text().splitlines()
    return {line.partition("==")[0] for line in lines if "==" in line and line[0].isalpha()}


def test_the_server_needs_the_client_of_its_own_version() -> None:
    needed = [name for name in PROJECT["dependencies"] if name.startswith("sessiond")]
    assert needed == [f"sessiond=={sessiond_server.__version__}"]
    assert sessiond.__version__ == sessiond_server.__version__


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-server.lock"])
def test_what_is_installed_can_export_traces(name: str) -> None:
    """`xds-protos` overwrites files of the exporter's, and the instrumentation writes names of yesterday."""
    assert "opentelemetry-exporter-otlp-proto-grpc" in locked(name)
    assert not locked(name) & {"xds-protos", "opentelemetry-instrumentation-grpc"}
