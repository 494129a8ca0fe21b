"""The embedded store: a real Valkey server in a directory of ours.

It is for `sessiond dev` and for `url = "embedded:DIR"`.

Two servers on one append-only file destroy it, so two locks keep them apart. DIR/lock is sessiond's: a second
sessiond is refused. DIR/server.lock is inherited by the server itself, so that it stays locked for as long as
a server lives, whatever has become of the sessiond that started it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sessiond_server.adapters.embedded import process
from sessiond_server.adapters.embedded.data_directory import (
    DataDirectoryError,
    held,
    in_one_line,
    private_directory,
    publish_socket,
    published_socket,
    refuse_unless_private,
    secret_file,
    try_lock,
    withdraw_socket,
)
from sessiond_server.adapters.embedded.process import ServerState

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from sessiond_server.service.logger import Logger

__all__ = ["DataDirectoryError", "EmbeddedStore", "embedded_store", "joined_store", "secret_file"]

PATIENCE_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02
PROGRESS_SECONDS: Final = 1.0
FIRST_BACKOFF_SECONDS: Final = 0.1
LONGEST_BACKOFF_SECONDS: Final = 5.0
STEADY_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class EmbeddedStore:
    """A running embedded store."""

    socket_path: Path
    directory: Path

    @property
    def pid(self) -> int | None:
        """The server's process at this moment; None while there is none that our container can see."""
        return process.listener_pid(self.socket_path) or None


@asynccontextmanager
async def embedded_store(
    directory: Path, *, logger: Logger, died: Callable[[], None] = lambda: None
) -> AsyncIterator[EmbeddedStore]:
    """Run the store of `directory`: start its server, or adopt the one that still lives; restart it; stop it.

    `died` is called each time that its server dies.

    This is to be entered on the main thread: on Linux the server is killed when the thread that started it
    ends.

    Raises:
        DataDirectoryError: the directory is not ours alone, another sessiond holds it, or the server does not
        start.
    """
    async with AsyncExitStack() as stack:
        path = private_directory(directory)
        stack.enter_context(held(path))
        program = process.find_server()
        store = EmbeddedStore(socket_path=publish_socket(path), directory=path)
        server = _Server(store, program=program, logger=logger, died=died)
        stack.push_async_callback(server.shut_down)
        await server.bring_up()
        supervisor = asyncio.create_task(server.keep_up(), name="embedded store supervisor")
        stack.push_async_callback(_cancelled, supervisor)
        yield store


def joined_store(directory: Path) -> EmbeddedStore:
    """The running store of another sessiond.

    Raises:
        DataDirectoryError: no store runs in `directory`, or the directory is not ours alone.
    """
    path = directory.absolute()
    with in_one_line(path):
        refuse_unless_private(path)
        socket_path = published_socket(path)
    if socket_path is None or process.listener_pid(socket_path) is None:
        raise DataDirectoryError(f"{path}: no store runs here to join; start one with sessiond dev")
    return EmbeddedStore(socket_path=socket_path, directory=path)


class _Server:
    """The one server of a held directory.

    `_process` is None while there is no server, or while the server is an adopted one. `_is_ours` tells
    whether it is for us to stop: a server that lives here but has never answered is not.
    """

    def __init__(
        self, store: EmbeddedStore, *, program: Path, logger: Logger, died: Callable[[], None]
    ) -> None:
        self._store = store
        self._program = program
        self._logger = logger
        self._died = died
        self._process: Process | None = None
        self._is_ours = False

    async def bring_up(self) -> None:
        """Return when a server that has its data answers: one that lives already, or else a new one."""
        with in_one_line(self._store.directory):
            await self._until_ready()
        self._is_ours = True
        self._logger.info(
            "embedded store ready", directory=str(self._store.directory), adopted=self._process is None
        )

    async def _until_ready(self) -> None:
        now = asyncio.get_running_loop().time
        give_up, progress = now() + PATIENCE_SECONDS, now() + PROGRESS_SECONDS
        while (state := await process.ping(self._store.socket_path)) is not ServerState.READY:
            if state is ServerState.LOADING:
                give_up = now() + PATIENCE_SECONDS
            elif not await self._starting():
                await self._start_if_none_lives()
            if now() > give_up:
                raise DataDirectoryError(f"{self._store.directory}: a server lives here but does not answer")
            if now() > progress:
                progress = now() + PROGRESS_SECONDS
                self._logger.info("embedded store not ready yet", loading=state is ServerState.LOADING)
            await asyncio.sleep(POLL_SECONDS)

    async def _starting(self) -> bool:
        """Whether a server that we started is on its way; raises DataDirectoryError when it ended instead."""
        if self._process is None:
            return False
        if self._process.returncode is None:
            return True
        self._process = None
        reason = process.reason_of_exit(self._store.directory / "valkey.log")
        raise DataDirectoryError(f"{self._store.directory}: the server does not start: {reason}")

    async def _start_if_none_lives(self) -> None:
        lock = try_lock(self._lock_path)
        if lock is None:
            return
        try:
            self._is_ours = True
            self._process = await process.spawn(
                self._program, directory=self._store.directory, socket_path=self._store.socket_path, lock=lock
            )
        finally:
            # From here on only the server holds the lock, so that it ends with the server.
            os.close(lock)

    async def keep_up(self) -> None:
        """Bring the server up again whenever it dies, for ever; meanwhile the store is unavailable."""
        now = asyncio.get_running_loop().time
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            since = now()
            await self._until_gone()
            if now() - since > STEADY_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            self._died()
            self._logger.warning(
                "embedded store died", directory=str(self._store.directory), restart_seconds=backoff
            )
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, LONGEST_BACKOFF_SECONDS)
            try:
                await self.bring_up()
            except DataDirectoryError as error:
                self._logger.warning("embedded store does not restart", reason=str(error))

    async def _until_gone(self) -> None:
        if self._process is None:
            await process.until_silent(self._store.socket_path)
        else:
            await self._process.wait()
            self._process = None

    async def shut_down(self) -> None:
        """Let the server write what it holds and end; kill it when it does not. No server of ours is left."""
        if not self._is_ours:
            return
        self._signal(signal.SIGTERM)
        if not await self._ends():
            self._logger.warning("embedded store killed", directory=str(self._store.directory))
            self._signal(signal.SIGKILL)
            await self._ends()
        withdraw_socket(self._store.directory, self._store.socket_path)
        self._logger.info("embedded store stopped", directory=str(self._store.directory))

    async def _ends(self) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._until_gone()
                # Only the kernel knows when the last holder is gone, and it offers no event for it.
                while (lock := try_lock(self._lock_path)) is None:  # noqa: ASYNC110
                    await asyncio.sleep(POLL_SECONDS)
                os.close(lock)
                return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            # The process is not signalled by its number, which may be another process's once it has ended.
            if self._process is not None:
                self._process.send_signal(number)
            elif (pid := self._store.pid) is not None:
                os.kill(pid, number)

    @property
    def _lock_path(self) -> Path:
        return self._store.directory / "server.lock"


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
