"""Starts programs that have everything loaded already: it has loaded it once, and forks.

To load sessiond takes a second of a processor, and the tests start it hundreds of times. Nothing but the
loading is saved: what is forked has descriptors, directory and environment of its own, and is run, signalled
and ended like any process of `python -m`.

It is started with the descriptor of a socket. A request is a JSON object with the three standard descriptors;
it is answered with the process id, and once more with the status when that process has ended. When nobody is
there any more to ask, what still runs is killed.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import sys
from importlib import import_module
from selectors import EVENT_READ, DefaultSelector
from typing import Any

MAX_BYTES = 1 << 20
COMMANDS = ("check", "dev", "explain", "healthcheck", "jwks", "revocations", "serve", "sessions")
LOADED = (*(f"sessiond_server.cli.{name}" for name in COMMANDS), "aiohttp.web", "tests.idp.state")


class ForkServer:
    """Forks for each request that comes on `control`."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.selector = DefaultSelector()
        self.selector.register(control, EVENT_READ)

    def serve(self) -> tuple[dict[str, Any], list[int]] | None:
        """A request and its descriptors, in the process that was forked for it; None at the end of all."""
        while True:
            for key, _ in self.selector.select():
                if key.data:
                    self.reap(key.fd, key.data)
                    continue
                message, descriptors, _, _ = socket.recv_fds(self.control, MAX_BYTES, 3)
                if not message:
                    return self.end()
                if self.fork(descriptors) == 0:
                    return json.loads(message), descriptors

    def fork(self, descriptors: list[int]) -> int:
        pid = os.fork()
        if pid == 0:
            self.close()
        else:
            for descriptor in descriptors:
                os.close(descriptor)
            self.selector.register(os.pidfd_open(pid), EVENT_READ, pid)
            self.tell(started=pid)
        return pid

    def reap(self, descriptor: int, pid: int) -> None:
        self.selector.unregister(descriptor)
        os.close(descriptor)
        _, status = os.waitpid(pid, 0)
        self.tell(ended=pid, status=os.waitstatus_to_exitcode(status))

    def tell(self, **fields: int) -> None:
        self.control.send(json.dumps(fields).encode())

    def end(self) -> None:
        for key in self.selector.get_map().values():
            if key.data:
                os.kill(key.data, signal.SIGKILL)

    def close(self) -> None:
        """What is forked has nothing of this."""
        for key in list(self.selector.get_map().values()):
            if key.data:
                os.close(key.fd)
        self.selector.close()
        self.control.close()


def become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Run a module as `python -m` does, to the end of this process."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = [request["module"], *request["arguments"]]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def main() -> None:
    # As the command line has it before gRPC is loaded.
    os.environ["GRPC_VERBOSITY"] = "NONE"
    # Ctrl-C is for what is forked, and for whoever started this.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in LOADED:
        import_module(name)
    # What is collected in one process is not copied for it then.
    gc.collect()
    gc.freeze()
    if found := ForkServer(socket.socket(fileno=int(sys.argv[1]))).serve():
        signal.signal(signal.SIGINT, interrupt)
        become(*found)


if __name__ == "__main__":
    main()
