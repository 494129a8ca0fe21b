"""How a line of each client is replaced for a while: in a copy, in a directory that goes afterwards."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from tools.check_java import QUICK
from tools.protections.declared import CLIENTS, ROOT

# Of what a program says that fails; the end is what matters.
_MOST_SAID: Final = 2_000
_RUN_TESTS: Final = Path(__file__).with_name("RunTests.java")
_TRANSPILE: Final = Path(__file__).with_name("transpile.mjs")


class BrokenError(Exception):
    """A client cannot be built, or a test cannot be run: that says nothing of a protection."""


@dataclass(frozen=True)
class Variant:
    """A client as it is, or without a line.

    `testees` has what starts each, by its name. `test` gives the command that runs a test; its status is 1
    where that fails.
    """

    testees: Mapping[str, str]
    test: Callable[[str], Sequence[str]]
    folder: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)


class Client(Protocol):
    """The client of one language; `tools` are the programs without which nothing can be tried."""

    tools: Sequence[str]
    folder: Path

    def build(self) -> None:
        """Build what is not built for each variant anew."""
        ...

    def vary(self, texts: Mapping[str, str], folder: Path) -> Variant:
        """The client with these files instead of its own, in a folder that is empty."""
        ...


class Go:
    """Its toolchain takes an overlay of files."""

    tools: Sequence[str] = ("go",)
    folder = CLIENTS / "go"

    def build(self) -> None:
        """Nothing: go keeps what it has built."""

    def vary(self, texts: Mapping[str, str], folder: Path) -> Variant:
        """A testee that is built with the overlay."""
        overlay, testee, replaced = folder / "overlay.json", folder / "testee", {}
        for number, (file, text) in enumerate(texts.items()):
            changed = folder / f"{number}.go"
            changed.write_text(text, encoding="utf-8")
            replaced[str(self.folder / file)] = str(changed)
        overlay.write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
        run(["go", "build", "-overlay", str(overlay), "-o", str(testee), "./conformance"], self.folder)
        test = ["go", "test", "-vet=off", "-count=1", "-overlay", str(overlay)]
        return Variant({"go": shlex.quote(str(testee))}, lambda package: [*test, package], self.folder)


class Python:
    """A copy of the package comes first on the path."""

    tools: Sequence[str] = ()
    folder = CLIENTS / "python"

    def build(self) -> None:
        """Nothing."""

    def vary(self, texts: Mapping[str, str], folder: Path) -> Variant:
        """Both clients: on asyncio and for threads."""
        source = folder / "src"
        shutil.copytree(self.folder / "src", source)
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        path = os.pathsep.join(filter(None, [str(source), os.environ.get("PYTHONPATH")]))
        # The suite has its own copy: what it makes of messages is not to change.
        testee = ["env", f"PYTHONPATH={path}", sys.executable, str(self.folder / "conformance")]
        return Variant(
            {"asyncio": shlex.join(testee), "blocking": shlex.join([*testee, "--blocking"])},
            lambda test: [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
            environment={"PYTHONPATH": path},
        )


class TypeScript:
    """A copy of what was built, in which the JavaScript of a file is made anew, without a look at types."""

    tools: Sequence[str] = ("node", "npm")
    folder = CLIENTS / "typescript"

    def build(self) -> None:
        """Build all of it once."""
        wanted = self.folder / "package-lock.json"
        installed = self.folder / "node_modules" / ".package-lock.json"
        if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
            run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], self.folder)
        for script in ("build", "build:dev"):
            run(["npm", "run", "-s", script], self.folder)

    def vary(self, texts: Mapping[str, str], folder: Path) -> Variant:
        """The copy has around it what its modules look for: packages, and the vectors of the tests."""
        client = folder / "clients" / "typescript"
        shutil.copytree(self.folder / "build", client / "build")
        for name in ("node_modules", "package.json"):
            (client / name).symlink_to(self.folder / name)
        (folder / "tests").symlink_to(ROOT / "tests")
        for file, text in texts.items():
            made = (client / "build" / file).with_suffix(".js")
            if not made.exists():
                raise BrokenError(f"{file} was not built")
            run(["node", str(_TRANSPILE), str(self.folder), str(made)], self.folder, text)
        testee = ["node", str(client / "build" / "conformance" / "main.js")]
        return Variant(
            {"typescript": shlex.join(testee)},
            lambda test: ["node", "--test", str(client / "build" / "tests" / test)],
            client,
        )


class Java:
    """A file of `sessiond-client` is compiled into a directory that comes first on the class path."""

    tools: Sequence[str] = ("java", "javac", "mvn")
    folder = CLIENTS / "java"

    def build(self) -> None:
        """Build all of it once, and note what the tests of the client need."""
        path = "-Dmdep.outputFile=target/tests.classpath"
        run(["mvn", "-q", "-B", "-DskipTests", "package", "dependency:build-classpath", path], self.folder)

    def vary(self, texts: Mapping[str, str], folder: Path) -> Variant:
        """The testee, and the tests of `sessiond-client`."""
        sources, classes = folder / "sources", folder / "classes"
        classes.mkdir()
        for file, text in texts.items():
            source = sources / file.partition("/src/main/java/")[2]
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(text, encoding="utf-8")
        target = self.folder / "conformance" / "target"
        built = f"{target}/*:{target}/lib/*"
        if texts:
            changed = [str(source) for source in sources.rglob("*.java")]
            run(["javac", "-proc:none", "-nowarn", "-d", str(classes), "-cp", built, *changed], folder)
        start = ["java", *QUICK, "-cp"]
        testee = [*start, f"{classes}:{built}", "dev.sessiond.conformance.Main"]
        tests = [*start, f"{classes}:{self._tests}", str(_RUN_TESTS)]
        return Variant({"java": shlex.join(testee)}, lambda test: [*tests, test], self._module)

    @property
    def _module(self) -> Path:
        return self.folder / "sessiond-client"

    @cached_property
    def _tests(self) -> str:
        """What the tests need, and JUnit's launcher: the build has that, and the tests do not."""
        needed = (self._module / "target" / "tests.classpath").read_text().strip()
        engine = next(one for one in needed.split(":") if "/junit-platform-engine-" in one)
        launcher = engine.replace("junit-platform-engine", "junit-platform-launcher")
        if not Path(launcher).exists():
            version = Path(engine).parent.name
            artifact = f"-Dartifact=org.junit.platform:junit-platform-launcher:{version}"
            run(["mvn", "-q", "-B", "dependency:get", artifact], self.folder)
        own = [str(self._module / "target" / name) for name in ("test-classes", "classes")]
        return ":".join([*own, needed, launcher])


BY_LANGUAGE: Final[Mapping[str, Client]] = {
    "go": Go(),
    "python": Python(),
    "typescript": TypeScript(),
    "java": Java(),
}


def run(command: Sequence[str], folder: Path, text: str = "") -> None:
    """Run what has to succeed; raises `BrokenError` with what it says where it does not."""
    done = subprocess.run(command, cwd=folder, input=text, check=False, capture_output=True, text=True)
    if done.returncode:
        raise BrokenError(f"{' '.join(command[:4])} failed:\n{(done.stdout + done.stderr)[-_MOST_SAID:]}")
