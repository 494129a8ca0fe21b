"""A pod without a cluster: a volume as the kubelet makes it, and containers as processes of other users."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

# The fsGroup of a pod is not the group that the agent has by itself.
GROUP = 2000
AGENT = 65532
BACKEND = 10001
# A volume is mounted for a container alone: in its own namespace of mounts.
MOUNT = 'mount --bind "$0" "$1" && mount -o remount,bind,ro "$1" && shift && exec "$@"'


def missing() -> str:
    """What is not here that a pod needs; nothing where all is."""
    if os.geteuid() != 0:
        return "only root can be several users"
    programs = [name for name in ("setpriv", "unshare", "mount") if shutil.which(name) is None]
    return f"{programs[0]} is not here" if programs else ""


@dataclass
class Pod:
    """Programs that every user may run, and the volume with the socket."""

    programs: Path
    volume: Path
    mounted: Path

    @property
    def socket(self) -> Path:
        """Where the agent listens, by the path that the agent has for it."""
        return self.volume / "private" / "agent.sock"

    def program(self, binary: Path) -> Path:
        """A copy of a program that every user may run."""
        copy = self.programs / binary.name
        if not copy.exists():
            shutil.copy(binary, copy)
            copy.chmod(0o755)
        return copy

    @asynccontextmanager
    async def agent(self, binary: Path, log: Path, *arguments: str) -> AsyncIterator[Process]:
        """The agent's container, which is in the group."""
        listen = ("--listen", f"unix:{self.socket}")
        command = (*_as(AGENT, group=True), str(self.program(binary)), *listen, *arguments)
        with log.open("ab") as stderr:
            process = await asyncio.create_subprocess_exec(*command, stderr=stderr)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def container(
        self, *command: str, group: bool = True, environment: Mapping[str, str] | None = None
    ) -> Process:
        """A container of the application, which has the volume for reading alone."""
        mount = ("unshare", "--mount", "sh", "-c", MOUNT, str(self.volume), str(self.mounted))
        return await asyncio.create_subprocess_exec(
            *mount,
            *_as(BACKEND, group=group),
            *command,
            stdout=PIPE,
            stderr=PIPE,
            env={"PATH": os.environ["PATH"], **(environment or {})},
        )


@contextmanager
def pod() -> Iterator[Pod]:
    """A pod's volume with the mode and group that the kubelet gives it: 2777 root:fsGroup."""
    with tempfile.TemporaryDirectory(prefix="sessiond-pod-") as made:
        root = Path(made)
        root.chmod(0o755)
        found = Pod(root / "programs", root / "volume", root / "mounted")
        for directory in (found.programs, found.volume, found.mounted):
            directory.mkdir(mode=0o755)
        os.chown(found.volume, 0, GROUP)
        found.volume.chmod(0o2777)
        yield found


async def status(address: str, path: str) -> int:
    """What a probe of the kubelet would get; 0 where nobody answers."""
    try:
        async with aiohttp.ClientSession() as web, web.get(f"http://{address}{path}") as answer:
            return answer.status
    except aiohttp.ClientError:
        return 0


def _as(user: int, *, group: bool) -> tuple[str, ...]:
    groups = ("--groups", str(GROUP)) if group else ("--clear-groups",)
    return ("setpriv", "--reuid", str(user), "--regid", str(user), *groups, "--no-new-privs")
