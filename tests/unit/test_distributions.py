import tomllib
from pathlib import Path

import sessiond
import sessiond_server

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def test_the_server_needs_the_client_of_its_own_version() -> None:
    needed = [name for name in PROJECT["dependencies"] if name.startswith("sessiond")]
    assert needed == [f"sessiond=={sessiond_server.__version__}"]
    assert sessiond.__version__ == sessiond_server.__version__
