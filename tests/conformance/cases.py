"""The cases, read from the files beside this one; a malformed one is refused with its place."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import ParseError

from tests.conformance.faulty import wire
from tests.conformance.matching import RULES, rules_in
from tests.conformance.shapes import MalformedCaseError, refuse
from tests.conformance.vocabulary import CASE, FILE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.conformance.testee import Testee

JsonObject = dict[str, Any]

FOLDER = Path(__file__).parent
_MAIN = "main"


@dataclass(frozen=True)
class Case:
    """One case of a group."""

    group: str
    name: str
    said: JsonObject

    @property
    def servers(self) -> Mapping[str, JsonObject]:
        """The scripted servers by name; `replies` and `watch` of the case are those of `main`."""
        if self.said.get("real"):
            return {}
        main = {name: self.said[name] for name in ("replies", "watch") if name in self.said}
        servers: dict[str, JsonObject] = self.said.get("servers", {})
        return servers if servers and not main else {_MAIN: main} | servers

    @property
    def spoils_its_testee(self) -> bool:
        """Whether it has a testee of its own: an environment, or clocks that stay where it has moved them."""
        return "environment" in self.said or "clock" in self.said.get("needs", [])

    def why_skipped(self, testee: Testee) -> str:
        """Why a testee does not carry it out; empty where it does."""
        if self.group not in testee.groups:
            return f"the testee does not carry out the group {self.group}"
        missing = [feature for feature in self.said.get("needs", []) if feature not in testee.features]
        return f"the testee does not have {', '.join(missing)}" if missing else ""

    def __str__(self) -> str:
        return f"{self.group}: {self.name}"


def load(folder: Path = FOLDER) -> list[Case]:
    """Every case of a folder's files; raises `MalformedCaseError`."""
    return [case for path in sorted(folder.glob("*.json")) for case in read(path)]


def read(path: Path) -> list[Case]:
    """The cases of one file; raises `MalformedCaseError`, which names file, case and field."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"), object_hook=_written_out)
    except (TypeError, ValueError) as error:
        raise MalformedCaseError(f"{path.name}: this cannot be read: {error}") from None
    FILE(said, path.name)
    if said["group"] != path.stem:
        raise refuse(f"{path.name}.group", said["group"], f"the name of the file, {path.stem!r}")
    return list(_cases(said, path.name))


def _written_out(value: JsonObject) -> Any:
    """The text that `{"$text": [[TEXT, TIMES], …]}` stands for, or the object as it is."""
    if value.keys() != {"$text"}:
        return value
    return "".join(text * times for text, times in value["$text"])


def _cases(said: JsonObject, file: str) -> Iterator[Case]:
    names: set[str] = set()
    for index, one in enumerate(said["cases"]):
        name = one.get("name", index)
        where = f"{file}: case {name!r}"
        CASE(one, where)
        if name in names:
            raise MalformedCaseError(f"{where}: another case has the same name")
        names.add(name)
        case = Case(said["group"], name, one)
        _require_readable(case, where)
        _require_sense(case, where)
        yield case


def _require_readable(case: Case, where: str) -> None:
    """Answers are messages of the schema, and expectations use the rules that there are."""
    for path, method, reply in _answers(case):
        try:
            wire.answer_of(method, reply)
        except ParseError as error:
            raise MalformedCaseError(f"{where}.{path}: {error}") from None
    for rule in rules_in([case.said.get("calls"), [step.get("expect") for step in case.said["steps"]]]):
        if rule not in RULES:
            raise refuse(where, rule, ", ".join(RULES))


def _answers(case: Case) -> Iterator[tuple[str, str, JsonObject]]:
    """Where each answer stands, of which method it is, and the answer."""
    listed = [(f"servers.{name}.replies", server.get("replies", {})) for name, server in case.servers.items()]
    listed += [
        (f"steps[{index}].replies", step.get("replies", {})) for index, step in enumerate(case.said["steps"])
    ]
    for index, step in enumerate(case.said["steps"]):
        if "event" in step:
            yield f"steps[{index}].event", "WatchRevocations", step["event"]
    for path, replies in listed:
        for method, each in replies.items():
            for index, reply in enumerate(each):
                if "answer" in reply:
                    yield f"{path}.{method}[{index}].answer", method, reply["answer"]
                for token, verdict in reply.get("judge", {}).items():
                    yield f"{path}.{method}[{index}].judge.{token}", "ValidateToken", verdict


def _require_sense(case: Case, where: str) -> None:
    """Steps speak of clients, servers and results that there are by then."""
    clients: set[str] = set()
    begun: set[str] = set()
    for index, step in enumerate(case.said["steps"]):
        at = f"{where}.steps[{index}]"
        if step.get("do") == "new":
            clients.add(step.get("client", _MAIN))
        elif "do" in step and step.get("client", _MAIN) not in clients:
            raise refuse(f"{at}.client", step.get("client", _MAIN), "one that a step before made")
        if step.get("later"):
            if "as" not in step:
                raise MalformedCaseError(f"{at}.as: found nothing, but what comes later needs a name")
            begun.add(step["as"])
        for member in ("result", "cancel"):
            if member in step and step[member] not in begun:
                raise refuse(f"{at}.{member}", step[member], "the name of a command that was begun `later`")
        if "server" in step and step["server"] not in {"sign", "write_key", "renew_certificates"}:
            name = step.get("at", _MAIN)
            if name not in case.servers:
                raise refuse(f"{at}.at", name, f"one of the servers {', '.join(case.servers) or '(none)'}")
