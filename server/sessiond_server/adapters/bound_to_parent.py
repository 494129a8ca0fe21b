"""Run a program that dies with its parent: `python -I -S bound_to_parent.py PARENT PROGRAM [ARGUMENT ...]`.

It stands as a process of its own between fork and exec, because Python code that runs in a forked child of
a process with threads (`preexec_fn`) can wait for ever on a lock that one of them held. It imports the
standard library only. A program of ours that is started with a Python of its own calls `end_with` instead.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Become PROGRAM, whose files are for its owner only.

    On Linux it is killed when the thread that started us ends.
    """
    parent, program = int(sys.argv[1]), sys.argv[2:]
    end_with(parent)
    os.umask(0o077)
    os.execv(program[0], program)


def end_with(parent: int) -> None:
    """Let this process be killed when the thread of `parent` ends that started it; at once where it has."""
    if sys.platform == "linux":
        # SIGKILL and not SIGTERM: a store that still answers while it shuts down would be taken for a living
        # one.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The signal is sent when the parent dies, so a parent that died before we asked for it would never send
    # it.
    if os.getppid() != parent:
        sys.exit("sessiond ended before what it started")


if __name__ == "__main__":
    main()
