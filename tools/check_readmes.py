"""Compiles what READMEs show of Go or of Java, with the client as it was built last: `check_readmes.py go`.

Each block is a function, or part of a class where it declares something, beside what all of them take for
given. What the compiler says of it names its line in the README.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from readme_blocks import ROOT, Block, blocks

GO: Final = ROOT / "clients/go"
GO_MODULE: Final = "github.com/sessiond/sessiond/clients/go"
GO_PACKAGES: Final = {
    **{name: name for name in ("context", "errors", "fmt", "testing", "time")},
    "http": "net/http",
    "grpc": "google.golang.org/grpc",
    "sessiond": f"{GO_MODULE}/sessiond",
    **{name: f"{GO_MODULE}/sessiond/{name}" for name in ("sessiondgrpc", "sessiondhttp", "sessiondtest")},
}
GIVEN_IN_GO: Final = """
var (
	ctx                              context.Context
	w                                http.ResponseWriter
	r                                *http.Request
	handler, home                    http.Handler
	mux                              *http.ServeMux
	routes                           func(sessiond.Validator) http.Handler
	seeHome                          func(http.ResponseWriter, *http.Request, error)
	client                           *sessiond.Client
	orders, pay                      *sessiond.Policy
	t                                *testing.T
	token, addr                      string
	issuer, callback, verifier       string
)
"""
JAVA: Final = ROOT / "clients/java"
# A block imports these where it uses them, beside all that is ours.
JAVA_IMPORTS: Final = (
    "io.grpc.ServerInterceptor",
    "io.micrometer.core.instrument.MeterRegistry",
    "jakarta.servlet.ServletContext",
    "jakarta.servlet.http.HttpServletRequest",
    "jakarta.servlet.http.HttpServletResponse",
    "org.junit.jupiter.api.Test",
    "org.junit.jupiter.api.extension.ExtendWith",
    "org.springframework.security.core.annotation.AuthenticationPrincipal",
    "org.springframework.test.web.reactive.server.WebTestClient",
    "org.springframework.test.web.servlet.MockMvc",
    "static org.springframework.test.web.servlet.request.MockMvcRequestBuilders.get",
    "static org.springframework.test.web.servlet.result.MockMvcResultMatchers.status",
    "org.springframework.web.bind.annotation.GetMapping",
    "reactor.core.publisher.Mono",
)
GIVEN_IN_JAVA: Final = {
    "client": "SessiondClient",
    "orders": "Policy",
    "context": "ServletContext",
    "request": "HttpServletRequest",
    "response": "HttpServletResponse",
    "mvc": "MockMvc",
    "registry": "MeterRegistry",
    **dict.fromkeys(("token", "issuer", "callback", "verifier", "nonce"), "String"),
}
# Tests of WebFlux have a client of Spring's.
GIVEN_IN_TESTS_OF_WEBFLUX: Final = GIVEN_IN_JAVA | {"client": "WebTestClient"}


def main() -> int:
    """1 where a block does not compile, or what it is compiled with is not there."""
    language = sys.argv[1]
    shown = list(blocks(language, "README.md", f"clients/{language}/README.md"))
    with tempfile.TemporaryDirectory() as directory:
        said = COMPILERS[language](shown, Path(directory)) if shown else f"no block of {language} was found"
    print(said or f"{len(shown)} blocks of {language} in READMEs compile")
    return bool(said)


def compile_go(shown: list[Block], folder: Path) -> str:
    """What `go vet` says of the blocks, as a module that needs what the client does, and the client."""
    module = re.sub(r"^module .*$", "module readme", (GO / "go.mod").read_text(), flags=re.MULTILINE)
    write(
        folder,
        {
            "go.mod": f"{module}\nrequire {GO_MODULE} v0.0.0\nreplace {GO_MODULE} => {GO}\n",
            "go.sum": (GO / "go.sum").read_text(),
            "given.go": go_file(GIVEN_IN_GO),
            **{f"block{number}.go": go_function(number, block) for number, block in enumerate(shown)},
        },
    )
    return failure("go", "vet", ".", folder=folder)


def go_function(number: int, block: Block) -> str:
    """A block as a function. What it declares at its end, for whoever goes on from there, is used."""
    body = re.sub(r"^import .*$", "", block.text, flags=re.MULTILINE)
    declared = re.findall(r"^(\w+(?:, \w+)*) := ", body, re.MULTILINE)
    names = sorted({name for names in declared for name in names.split(", ")})
    used = "".join(f"\n_ = {name}" for name in names)
    return go_file(f"\nfunc block{number}() {{\n//line {ROOT / block.file}:{block.line}\n{body}{used}\n}}\n")


def go_file(declarations: str) -> str:
    """A file with the imports that its declarations need."""
    code = re.sub("//.*", "", declarations)
    needed = [path for name, path in GO_PACKAGES.items() if re.search(rf"\b{name}\.", code)]
    return "\n".join(["package readme", *(f'import "{path}"' for path in needed), declarations])


def compile_java(shown: list[Block], folder: Path) -> str:
    """What `javac` says of the blocks, with the client and all that its tests have."""
    sources = {f"Block{number}.java": java_class(number, block) for number, block in enumerate(shown)}
    write(folder, sources)
    class_path = ":".join(
        [
            *map(str, sorted(JAVA.glob("*/target/classes"))),
            *(file.read_text() for file in sorted(JAVA.glob("*/target/classpath"))),
        ]
    )
    said = failure("javac", "--release", "17", "-proc:none", "-cp", class_path, *sources, folder=folder)
    for source, block in zip(sources, shown, strict=True):
        said = said.replace(f"{source}:", f"{block.file}:")
    return said


def java_class(number: int, block: Block) -> str:
    """A block as a method of a class, or as its members. Its lines have their numbers of the README."""
    is_webflux = uses(block.text, "SessiondWebTestClient")
    given = GIVEN_IN_TESTS_OF_WEBFLUX if is_webflux else GIVEN_IN_JAVA
    fields = {name: kind for name, kind in given.items() if uses(block.text, name)}
    used = block.text + " ".join(fields.values())
    imports = [name for name in JAVA_IMPORTS if uses(used, name.rpartition(".")[2])]
    head = [
        "import static org.junit.jupiter.api.Assertions.*;",
        *(f"import {package}.*;" for package in java_packages()),
        *(f"import {name};" for name in imports),
        f"abstract class Block{number} {{",
        *(f"{kind} {name};" for name, kind in fields.items()),
    ]
    opening, closing = ("", "}") if block.text.startswith("@") else ("void run() throws Exception {", "}}")
    return " ".join([*head, opening]) + "\n" * (block.line - 1) + block.text + closing


def java_packages() -> set[str]:
    """What is ours. Adapters to the same end have the same names, and READMEs show the first of them."""
    sources = [folder / "src/main/java" for folder in sorted(JAVA.iterdir())]
    found = {file.parent.relative_to(folder) for folder in sources for file in folder.rglob("*.java")}
    packages = {".".join(package.parts) for package in found}
    return packages - {"dev.sessiond.opentelemetry", "dev.sessiond.examples", "dev.sessiond.conformance"}


def uses(text: str, name: str) -> bool:
    """Whether a name is in a text."""
    return re.search(rf"\b{name}\b", text) is not None


def write(folder: Path, sources: Mapping[str, str]) -> None:
    """Write each text under its name."""
    for name, text in sources.items():
        (folder / name).write_text(text)


def failure(*command: str, folder: Path) -> str:
    """What a command says where it fails; nothing where it does not."""
    done = subprocess.run(
        command, cwd=folder, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout if done.returncode else ""


COMPILERS: Final[Mapping[str, Callable[[list[Block], Path], str]]] = {"go": compile_go, "java": compile_java}


if __name__ == "__main__":
    sys.exit(main())
