"""The ways in which cases go through an agent, and which of them do not hold there, each with its reason."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.conformance.cases import load
from tests.conformance.shapes import list_of, map_of, members, one_of, refuse, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.conformance.cases import Case

FOLDER: Final = Path(__file__).parent
# `server`: the client keeps nothing, and the agent is its server. `relay`: the client keeps verdicts, and
# watches through the agent, behind which servers fail. `link`: the same, but what befalls the connections of
# a server befalls those between client and agent.
WAYS: Final = ("server", "relay", "link")
_BEFALL_CONNECTIONS: Final = frozenset({"stop", "start", "drop"})
# What a backend is told by its own middleware is no business of an agent.
_OF_BACKENDS: Final = frozenset({"http", "grpc", "browser"})
_DIFFERENCE: Final = members(
    {"ways": list_of(one_of(*WAYS), least=1), "why": text, "cases": map_of(list_of(text))}
)


@dataclass(frozen=True)
class Difference:
    """What a case finds through an agent that it does not find without, and why; nothing: it is not run."""

    why: str
    found: Sequence[str]

    def beyond(self, found: Sequence[str]) -> list[str]:
        """What was found and is not listed, and what is listed and was not found."""
        others = [line for line in found if not any(text in line for text in self.found)]
        missing = [text for text in self.found if not any(text in line for line in found)]
        return others + [f"the difference that is listed is none: {text}" for text in missing]


_NONE: Final = Difference("", ())


class Through:
    """How clients reach the servers of cases: through agents of `program`, in one of `WAYS`."""

    def __init__(self, program: Path, way: str) -> None:
        self.program, self.way = program, way
        self._differences = differences_in(way)

    def why_left_out(self, case: Case) -> str:
        """Why a case is not carried out; empty where it is."""
        return "" if self._difference(case).found else self._difference(case).why

    def why_differing(self, case: Case) -> str:
        """Why a case finds what it does not find without an agent; empty where it finds nothing."""
        return self._difference(case).why

    def beyond_what_is_listed(self, case: Case, found: Sequence[str]) -> list[str]:
        """What a case has found and should not have, and what it should have found."""
        return self._difference(case).beyond(found)

    def _difference(self, case: Case) -> Difference:
        return self._differences.get(str(case), _NONE)


def cases_of(way: str) -> list[Case]:
    """Those that have a meaning in a way through an agent; the others are none of its own."""
    cases = [case for case in load() if case.group not in _OF_BACKENDS]
    if way == "server":
        return cases
    if way == "relay":
        return [*cases, *load(FOLDER)]
    return [case for case in cases if _fails_in_connections(case)]


def differences_in(way: str, file: Path = FOLDER / "differences.toml") -> Mapping[str, Difference]:
    """What differs in a way, by the names of cases; raises `MalformedCaseError`."""
    found: dict[str, Difference] = {}
    known = {name: {str(case) for case in cases_of(name)} for name in WAYS}
    said = tomllib.loads(file.read_text(encoding="utf-8"))
    for index, one in enumerate(said["differences"]):
        where = f"{file.name}: differences[{index}]"
        _DIFFERENCE(one, where)
        for each in one["ways"]:
            _require_cases(one["cases"], known[each], where)
        if way in one["ways"]:
            found |= {name: Difference(one["why"], lines) for name, lines in one["cases"].items()}
    return found


def _require_cases(named: Iterable[str], known: set[str], where: str) -> None:
    for name in named:
        if name not in known:
            raise refuse(f"{where}.cases", name, "the name of a case that is carried out in that way")


def _fails_in_connections(case: Case) -> bool:
    """Whether its one server listens on TCP, and loses or refuses connections."""
    servers = case.servers
    plain = set(servers) == {"main"} and "listen" not in servers["main"]
    befalls = any(step.get("server") in _BEFALL_CONNECTIONS for step in case.said["steps"])
    return plain and befalls
