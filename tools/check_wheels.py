"""Checks the wheels of the server and of the Python client, as they are built and as pip installs them.

Each holds every file of its package and no file of the other's: who uninstalls one has the other whole. The
client's validates under the oldest and the newest protobuf that it may meet.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from check_clients import server

from sessiond import Client

ROOT = Path(__file__).resolve().parent.parent
SERVER, CLIENT = ROOT, ROOT / "clients" / "python"
PACKAGES = {
    SERVER: ROOT / "server" / "sessiond_server",
    CLIENT: CLIENT / "src" / "sessiond",
}
# The oldest that the stubs import under has the oldest grpcio beside it; the last line has what is newest.
RUNTIMES = (
    ("protobuf==5.29.*", "grpcio==1.71.2"),
    ("protobuf==6.31.*", "grpcio<2"),
    ("protobuf<8", "grpcio<2"),
)
VALIDATE = """
import sys, google.protobuf
from sessiond import Client, Session
with Client(sys.argv[1], timeout=10) as client:
    verdict = client.validate(sys.stdin.read())
sys.exit(f"found {verdict!r}") if not isinstance(verdict, Session) else print(google.protobuf.__version__)
"""


def main() -> int:
    """1 where something is wrong, which is printed."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        wheels = {project: build(project, directory / package.name) for project, package in PACKAGES.items()}
        faults = [*faults_of_files(wheels), *faults_of_uninstalling(wheels, directory / "both")]
        faults += faults_of_runtimes(wheels[CLIENT], directory)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


def build(project: Path, directory: Path) -> Path:
    """The wheel of a project."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(directory)]
    subprocess.run(command, cwd=project, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (wheel,) = directory.glob("*.whl")
    return wheel


def faults_of_files(wheels: dict[Path, Path]) -> Iterator[str]:
    """What a wheel lacks, as an ignore rule may leave a file out unnoticed, and what is in both."""
    for project, package in PACKAGES.items():
        for missing in sorted(files_of(package) - names(wheels[project])):
            yield f"{wheels[project].name}: {missing} is missing"
    for shared in sorted(names(wheels[SERVER]) & names(wheels[CLIENT])):
        yield f"{shared}: both wheels have it, so that uninstalling one breaks the other"


def faults_of_uninstalling(wheels: dict[Path, Path], environment: Path) -> Iterator[str]:
    """What of one is gone when the other is uninstalled, whichever was installed first."""
    make_environment(environment)
    for gone, stays in ((SERVER, CLIENT), (CLIENT, SERVER)):
        for project in (gone, stays):
            pip(environment, "install", "--no-deps", str(wheels[project]))
        pip(environment, "uninstall", "--yes", wheels[gone].name.split("-")[0])
        (installed,) = environment.glob("lib/python*/site-packages")
        for missing in sorted(name for name in names(wheels[stays]) if not (installed / name).exists()):
            yield f"{missing}: it is gone with {wheels[gone].name}"
        pip(environment, "uninstall", "--yes", wheels[stays].name.split("-")[0])


def faults_of_runtimes(wheel: Path, directory: Path) -> Iterator[str]:
    """Under which of the runtimes a good token is not accepted."""
    with server(directory) as address, Client(address, timeout=10) as client:
        token = client.create_local_session("alice").access_token
        for number, runtime in enumerate(RUNTIMES):
            environment = directory / f"runtime-{number}"
            make_environment(environment)
            pip(environment, "install", str(wheel), *runtime)
            python = [str(environment / "bin" / "python"), "-I", "-W", "error", "-W", QUIET]
            command = [*python, "-c", VALIDATE, address]
            run = subprocess.run(command, check=False, capture_output=True, text=True, input=token)
            if run.returncode:
                yield f"{wheel.name} under {' and '.join(runtime)}: {run.stderr.strip()}"
            else:
                print(f"{wheel.name}: accepted a good token under protobuf {run.stdout.strip()}", flush=True)


# The stubs are made by an older generator than the newest runtime, on purpose.
QUIET = "ignore:Protobuf gencode version:UserWarning"


def make_environment(path: Path) -> None:
    """An empty environment."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True)


def pip(environment: Path, *arguments: str) -> None:
    """Run this environment's pip for another one."""
    python = str(environment / "bin" / "python")
    command = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check"]
    subprocess.run([*command, *arguments], check=True)


def names(wheel: Path) -> set[str]:
    """What a wheel holds."""
    return set(zipfile.ZipFile(wheel).namelist())


def files_of(package: Path) -> set[str]:
    """The names under which the files of a package are installed."""
    return {
        str(path.relative_to(package.parent))
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


if __name__ == "__main__":
    sys.exit(main())
