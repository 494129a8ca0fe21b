"""Runs the conformance suite over the Java client as it was built last: `check_java.py [GROUP ...]`.

The groups are all that the client carries out, unless some are named. The status is not 0 where a case fails
or is skipped.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFORMANCE = ROOT / "clients" / "java" / "conformance" / "target"
GROUPS = (
    "verdicts",
    "errors",
    "deadlines",
    "retries",
    "batches",
    "connection",
    "live",
    "cache",
    "watch",
    "flights",
    "http",
    "browser",
    "grpc",
)
# Some cases have a process of their own: it is to start quickly, whatever it could do later.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")


def main() -> int:
    """0 where every case has passed."""
    groups = sys.argv[1:] or GROUPS
    classes = f"{CONFORMANCE}/*:{CONFORMANCE}/lib/*"
    testee = shlex.join(["java", *QUICK, "-cp", classes, "dev.sessiond.conformance.Main"])
    command = [sys.executable, "-m", "tests.conformance", "--testee", testee]
    for group in groups:
        command += ["--group", group]
    found = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    print(found.stdout, end="")
    return found.returncode or int("skipped" in found.stdout)


if __name__ == "__main__":
    sys.exit(main())
