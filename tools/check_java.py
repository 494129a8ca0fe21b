"""Runs the conformance suite over the Java client as it was built last: `check_java.py [GROUP ...]`.

The groups are all, unless some are named. The status is not 0 where a case fails or is skipped.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFORMANCE = ROOT / "clients" / "java" / "conformance" / "target"
# Some cases have a process of their own: it is to start quickly, whatever it could do later.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


def main() -> int:
    """0 where every case has passed."""
    classes = f"{CONFORMANCE}/*:{CONFORMANCE}/lib/*"
    testee = shlex.join(["java", *QUICK, "-cp", classes, "dev.sessiond.conformance.Main"])
    command = [sys.executable, "-m", "tests.conformance", "--strict", "--testee", testee]
    for group in sys.argv[1:]:
        command += ["--group", group]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
