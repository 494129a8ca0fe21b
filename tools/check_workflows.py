"""Checks that each CI workflow is YAML and is given no secret.

It also checks that none of them may do more than read the repository.
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

WORKFLOWS = Path(__file__).resolve().parent.parent / ".github" / "workflows"


def main() -> int:
    """The number of workflows with a fault."""
    paths = sorted(WORKFLOWS.glob("*.yml"))
    return sum(has_fault(path) for path in paths) if paths else 1


def has_fault(path: Path) -> bool:
    """Whether it has one, which is printed."""
    text = path.read_text()
    try:
        workflow = yaml.safe_load(text)
    except yaml.YAMLError as error:
        found = [str(error)]
    else:
        jobs = workflow["jobs"].values()
        sound = {
            "permissions are not `contents: read`": workflow.get("permissions") == {"contents": "read"},
            "a job has permissions of its own": all("permissions" not in job for job in jobs),
            "a secret is used": "secrets" not in text,
        }
        found = [fault for fault, holds in sound.items() if not holds]
    for fault in found:
        print(f"{path.name}: {fault}", file=sys.stderr)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
