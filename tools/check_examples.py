"""Checks that each configuration in deploy/examples is one that a server would start with.

The files that they name are made for it, and nothing is asked of the network.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

import yaml

from sessiond_server.config.problems import ConfigurationError
from sessiond_server.config.reader import read_file

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "deploy" / "examples"


def main() -> int:
    """The number of examples with a fault."""
    paths = sorted(EXAMPLES.glob("*.toml"))
    return sum(has_fault(path) for path in paths) if paths else 1


def has_fault(path: Path) -> bool:
    """Whether it has one, which is printed."""
    with tempfile.TemporaryDirectory() as directory:
        config = with_files(path.read_text(), Path(directory))
        try:
            read_file(config, environment={}, insecure_plaintext=path.name in plaintext_examples())
        except ConfigurationError as error:
            for problem in error.problems:
                print(f"{path.name}: {problem}", file=sys.stderr)
            return True
    return False


def with_files(text: str, directory: Path) -> Path:
    """The configuration as a file in `directory`, beside the secrets that it names."""
    for named in set(re.findall(r'"(/run/secrets/[^"]+)"', text)):
        file = directory / Path(named).name
        file.write_text("x")
        text = text.replace(f'"{named}"', f'"{file}"')
    config = directory / "sessiond.toml"
    config.write_text(text)
    config.chmod(0o600)
    return config


def plaintext_examples() -> set[str]:
    """Those that are started with the operator's word that the network is to be trusted."""
    command = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["sessiond"]["command"]
    return {"compose.toml"} if "--insecure-plaintext" in command else set()


if __name__ == "__main__":
    sys.exit(main())
