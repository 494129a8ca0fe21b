"""Installs the Java artefacts as a backend would: from a repository, into projects that have nothing of ours.

They are deployed to a folder. The backends of clients/java/backends take them from there: a plain one on the
lowest protobuf-java and grpc that the stubs load on, and one of Spring Boot's newest for each kind of web
server, with the other kind's classes nowhere.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CLIENT: Final = ROOT / "clients/java"
# What backends have downloaded is kept, but for ours: the user's own repository must not learn of those.
LOCAL: Final = ROOT / ".cache/maven"
# What each says of itself, and what its class path must not have.
BACKENDS: Final = {
    "plain": ("true true true protobuf-java 4.28.3, grpc 1.70.0", ("spring", "servlet")),
    "servlet": ("401, alice: Spring Boot 4.1.", ("webflux", "reactor")),
    "reactive": ("401, alice: Spring Boot 4.1.", ("servlet", "tomcat", "webmvc")),
}


def main() -> int:
    """1 where a backend cannot be built, or is not protected."""
    if shutil.which("mvn") is None:
        print("skipped what Java installs: mvn is not here")
        return 0
    with tempfile.TemporaryDirectory() as directory:
        repository, backends = Path(directory, "repository"), Path(directory, "backends")
        deploy(repository)
        build(backends, repository)
        faults = [fault for name in BACKENDS for fault in faults_of(name, backends / name)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return bool(faults)


def deploy(repository: Path) -> None:
    """Deploy what is published, and install none of it."""
    maven(
        CLIENT,
        "deploy",
        "-pl=!conformance,!examples",
        "-Dmaven.test.skip=true",
        "-Dmaven.install.skip=true",
        f"-DaltDeploymentRepository=sessiond::default::{repository.as_uri()}",
    )


def build(backends: Path, repository: Path) -> None:
    """Build the backends on what is in the repository alone."""
    shutil.copytree(CLIENT / "backends", backends, ignore=shutil.ignore_patterns("target"))
    shutil.copytree(backends / "servlet" / "src", backends / "reactive" / "src")
    shutil.rmtree(LOCAL / "dev/sessiond", ignore_errors=True)
    maven(
        backends,
        "compile",
        f"-Dmaven.repo.local={LOCAL}",
        f"-Dsessiond.repository={repository.as_uri()}",
    )


def faults_of(name: str, backend: Path) -> list[str]:
    """What is wrong with a backend that has been built."""
    expected, foreign = BACKENDS[name]
    brought = sorted(jar.name for part in foreign for jar in (backend / "target/lib").glob(f"*{part}*.jar"))
    faults = [f"{name}: {jar} is there, and not needed" for jar in brought]
    command = ["java", "-XX:TieredStopAtLevel=1", "-cp", "target/classes:target/lib/*", "shop.Main"]
    ran = subprocess.run(command, cwd=backend, check=False, capture_output=True, text=True, timeout=300)
    said = ran.stdout.strip().splitlines()[-1:] or [""]
    print(f"{name}: {said[0]}")
    if not said[0].startswith(expected):
        faults.append(f"{name}: expected {expected!r}, found {said[0]!r}\n{ran.stderr}")
    return faults


def maven(folder: Path, *arguments: str) -> None:
    """Run Maven; what it prints is shown where it fails."""
    command = ["mvn", "-q", "-B", *arguments]
    ran = subprocess.run(
        command, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if ran.returncode:
        sys.exit(f"{' '.join(command)} failed\n{ran.stdout}")


if __name__ == "__main__":
    sys.exit(main())
