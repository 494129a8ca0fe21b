"""Names the tests that failed in the last run, and fails where there are too many for a busy machine."""

from __future__ import annotations

import json
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
MOST = 3


def main() -> int:
    """Print them; the status is 1 where they are not to be run again."""
    failed = list(json.loads(FAILED.read_bytes())) if FAILED.exists() else []
    for test in failed:
        print(f"failed, and not steady if it passes now: {test}")
    if not failed or len(failed) > MOST:
        print(f"{len(failed)} tests failed: none is run again, it is done for 1 to {MOST}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
