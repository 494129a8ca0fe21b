"""Builds both images with buildah, looks into them, and has each of them serve: `check_images.py`.

Where no registry is reached their bases are made from Debian's packages, by debootstrap. Needs root, buildah,
debootstrap and Go; says so, and checks nothing, where one of them is missing. Takes some three minutes.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import resource
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.valkeys import Valkey, free_port, running_valkeys  # noqa: E402 — it is no package

NEEDED: Final = ("buildah", "debootstrap", "go")
PACKAGES: Final = "python3,python3-venv,python3-pip,ca-certificates"
USER: Final = 65532
MEBIBYTE: Final = 1 << 20
# Ours in the server's image, and the whole of the agent's.
SERVER_BYTES, AGENT_BYTES = 110 * MEBIBYTE, 20 * MEBIBYTE
LEFTOVERS: Final = ("pip", "hatchling", "trove_classifiers", "pathspec", "pluggy", "setuptools")
# As in compose.yaml.
STORE: Final = ("--appendonly", "yes", "--maxmemory-policy", "noeviction")
PATIENCE_SECONDS: Final = 60


def main() -> int:
    """1 where something is wrong, which is printed."""
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        print(f"images: skipped, there is no {missing[0] if missing else 'root'} here")
        return 0
    with tempfile.TemporaryDirectory() as name, images_in(Path(name)) as images:
        server = images.build("sessiond", ROOT)
        agent = images.build("sessiond-agent", ROOT / "clients/go", "cmd/sessiond-agent/Dockerfile")
        faults = [*server.faults(), *faults_of_server(server), *agent.faults(), *faults_of_agent(agent)]
        faults += asyncio.run(faults_of_running(server, agent, Path(name)))
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


@contextmanager
def images_in(directory: Path) -> Iterator[Images]:
    """A store of images that has the base, and leaves nothing mounted behind."""
    images = Images(directory)
    try:
        images.make_base()
        yield images
    finally:
        images.buildah("rm", "--all")


class Images:
    """A store of images of its own, that goes with its directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._options = ["--root", str(directory / "storage"), "--runroot", str(directory / "run")]

    def buildah(self, *arguments: str) -> str:
        """What a command of buildah prints; what it tells of its progress goes to standard error."""
        environment = {**os.environ, "BUILDAH_ISOLATION": "chroot"}
        command = ["buildah", *self._options, *arguments]
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout

    def make_base(self) -> None:
        """An image with what the images' own bases have: Debian, `python`, and, from this machine, `go`."""
        print("images: a base from Debian's packages", flush=True)
        tree = self.directory / "base"
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "trixie", str(tree)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (tree / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        (tree / "usr/local/bin/go").symlink_to("/usr/local/go/bin/go")
        container = self.buildah("from", "scratch").strip()
        self.buildah("copy", "--quiet", container, str(tree), "/")
        self.buildah("commit", "--quiet", "--rm", container, "localhost/base")
        shutil.rmtree(tree)

    def build(self, name: str, context: Path, file: str = "Dockerfile") -> Image:
        """An image as its Dockerfile says, on that base."""
        print(f"images: {name}", flush=True)
        go = {name: go_env(name) for name in ("GOROOT", "GOMODCACHE")}
        volumes = [
            "--volume=/etc/ssl/certs:/etc/ssl/certs:ro",
            f"--volume={go['GOROOT']}:/usr/local/go:ro",
            f"--volume={go['GOMODCACHE']}:/root/go/pkg/mod",
        ]
        said = [
            "--build-arg=VERSION=1.2.3",
            "--build-arg=REVISION=abc",
            "--build-arg=SOURCE=https://example.com",
        ]
        made = ["--pull-never", "--network=host", "--format=docker", "--from=localhost/base", f"--tag={name}"]
        log = self.directory / f"{name}.log"
        options = ["bud", "--quiet", f"--logfile={log}", *made, *volumes, *said, f"--file={context / file}"]
        try:
            self.buildah(*options, str(context))
        except subprocess.CalledProcessError:
            print(log.read_text(), file=sys.stderr)
            raise
        return Image(self, name)


class Image:
    """One that was built, and a container of it whose files can be seen."""

    def __init__(self, images: Images, name: str) -> None:
        self.name = name
        self.config: dict[str, Any] = json.loads(images.buildah("inspect", "--type=image", name))["Docker"][
            "config"
        ]
        container = images.buildah("from", "--pull-never", name).strip()
        self.tree = Path(images.buildah("mount", container).strip())
        self.log = images.directory / f"{name}.txt"

    def command(self, *arguments: str) -> list[str]:
        """What runs its program with these arguments, as its own user."""
        return ["chroot", f"--userspec={USER}:{USER}", str(self.tree), *self.config["Entrypoint"], *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """What its program finds set."""
        return dict(pair.split("=", 1) for pair in self.config["Env"])

    def faults(self) -> Iterator[str]:
        """What both images have to have."""
        labels = self.config["Labels"]
        said = {
            "version": "1.2.3",
            "revision": "abc",
            "source": "https://example.com",
            "licenses": "Apache-2.0",
        }
        for label, wanted in said.items():
            found = labels.get(f"org.opencontainers.image.{label}")
            if found != wanted:
                yield f"{self.name}: label {label} is {found!r}, not {wanted!r}"
        if self.config["User"] != f"{USER}:{USER}":
            yield f"{self.name}: runs as {self.config['User']!r}, not as {USER}:{USER}"
        if not self.config.get("Healthcheck"):
            yield f"{self.name}: has no health check"
        place = (self.tree / "run/sessiond").stat()
        if (place.st_uid, place.st_gid, place.st_mode & 0o777) != (USER, USER, 0o750):
            yield f"{self.name}: /run/sessiond is not {USER}:{USER} 0750"


def faults_of_server(image: Image) -> Iterator[str]:
    """What is too much in the server's image, and what is missing."""
    ours = image.tree / "opt/sessiond"
    size = sum(file.lstat().st_size for file in ours.rglob("*") if file.is_file())
    print(f"images: sessiond has {size / MEBIBYTE:.0f} MiB of its own")
    if size > SERVER_BYTES:
        yield f"sessiond: {size} bytes of its own, {SERVER_BYTES} are allowed"
    (packages,) = ours.glob("lib/python3*/site-packages")
    for name in LEFTOVERS:
        for found in packages.glob(f"{name}*"):
            yield f"sessiond: {found.name} was left in it"
    for module in packages.glob("sessiond*/**/*.py"):
        if not any((module.parent / "__pycache__").glob(f"{module.stem}.cpython-*.pyc")):
            yield f"sessiond: {module.relative_to(packages)} has no byte code"
    for place in ("src", "wheels"):
        if (image.tree / place).exists():
            yield f"sessiond: /{place} was left in it"


def faults_of_agent(image: Image) -> Iterator[str]:
    """What is too much in the agent's image."""
    size = sum(file.lstat().st_size for file in image.tree.rglob("*") if file.is_file())
    print(f"images: sessiond-agent has {size / MEBIBYTE:.1f} MiB")
    if size > AGENT_BYTES:
        yield f"sessiond-agent: {size} bytes, {AGENT_BYTES} are allowed"


async def faults_of_running(server: Image, agent: Image, directory: Path) -> list[str]:
    """What goes wrong where the server serves from a store, and the agent from the server."""
    faults: list[str] = []
    async with running_valkeys(directory / "store", 1, *STORE) as (store,):
        listen, http = free_port(), free_port()
        configure(server, store, listen, http)
        keep(agent, "agent-key", (server.tree / "run/secrets/agent-key").read_bytes())
        with serving(server, "serve", "--config", "/etc/sessiond/sessiond.toml", "--insecure-plaintext"):
            faults += faults_of_health(server, "--addr", f"http://127.0.0.1:{http}")
            asked = ["--servers", f"127.0.0.1:{listen}", "--insecure", "--key-file", "/run/secrets/agent-key"]
            with serving(agent, *asked):
                faults += faults_of_health(agent)
    return faults


def configure(server: Image, store: Valkey, listen: int, http: int) -> None:
    """The configuration of compose.yaml, on these ports, with secrets made for it."""
    text = (ROOT / "deploy/examples/compose.toml").read_text()
    for was, now in (
        ("0.0.0.0:50051", f"127.0.0.1:{listen}"),
        ("0.0.0.0:8080", f"127.0.0.1:{http}"),
        ("redis://valkey:6379", store.url),
        ('password_file = "/run/secrets/store-password"', ""),
    ):
        text = text.replace(was, now)
    place(server.tree / "etc/sessiond/sessiond.toml", text.encode())
    key = ec.generate_private_key(ec.SECP256R1())
    keep(server, "signing-key.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name in ("pepper", "seal", "orders-key", "agent-key"):
        keep(server, name, base64.b64encode(secrets.token_bytes(32)))


def keep(image: Image, name: str, content: bytes) -> None:
    """A secret, as compose.yaml mounts it."""
    place(image.tree / "run/secrets" / name, content)


def place(file: Path, content: bytes) -> None:
    """A file that the images' user alone can read."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    os.chown(file, USER, USER)
    file.chmod(0o400)


@contextmanager
def serving(image: Image, *arguments: str) -> Iterator[None]:
    """The image's program at work; it has to end well when it is told to stop."""
    with image.log.open("w") as output:
        process = subprocess.Popen(
            image.command(*arguments), stdout=output, stderr=subprocess.STDOUT, env=image.environment
        )
    try:
        yield
        process.terminate()
        if (status := process.wait(PATIENCE_SECONDS)) != 0:
            raise SystemExit(f"{image.name}: ended with {status}:\n{image.log.read_text()}")
    finally:
        process.kill()
        process.wait()


def faults_of_health(image: Image, *arguments: str) -> list[str]:
    """Nothing once its health check says that it serves, which it has to within a time."""
    command = image.command("healthcheck", *arguments)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for attempt in range(1, PATIENCE_SECONDS + 1):
        if subprocess.run(command, check=False, capture_output=True, env=image.environment).returncode == 0:
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / attempt
            print(f"images: {image.name} serves; its health check takes {spent:.2f} s of a processor")
            return []
        time.sleep(1)
    return [f"{image.name}: does not serve within {PATIENCE_SECONDS} s:\n{image.log.read_text()}"]


def go_env(name: str) -> str:
    """What Go here has set."""
    command = ["go", "env", name]
    return subprocess.check_output(command, text=True).strip()


if __name__ == "__main__":
    sys.exit(main())
