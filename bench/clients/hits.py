"""An answer from memory, beside SHA-256 of the token and the verification by a library of the language."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any, Final

from bench.clients.tokens import Kind
from bench.processes import CommandError
from bench.table import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.clients.programs import Language, Program

_ROUNDS: Final = 11
# By then a compiler that works while a program runs has done what it will do.
_ROUNDS_BEFORE: Final = 5
_TRIES: Final = 10


async def measure(programs: Sequence[Program], kind: Kind) -> list[Row]:
    """What each program says of its tokens, in turns."""
    rows = []
    for program in programs:
        taken = (await program.ask("fill"))["bytes"]
        if kind is Kind.MANY:
            what = f"{program.language.name}: memory of an acceptance that is kept, {kind.title}"
            rows.append(Row(what, taken, "bytes"))
    rounds: dict[Program, list[dict[str, Any]]] = {program: [] for program in programs}
    for _ in range(_ROUNDS_BEFORE + _ROUNDS):
        for program, found in rounds.items():
            found.append(await _round(program))
    for program, found in rounds.items():
        rows += _rows(program.language, kind, found[_ROUNDS_BEFORE:])
    return rows


async def _round(program: Program) -> dict[str, Any]:
    """One in which all validations were hits: a machine with much else to do delays heartbeats at times."""
    for _ in range(_TRIES):
        found = await program.ask("hits")
        if not found["misses"]:
            return found
        await program.ask("fill")
    raise CommandError(f"{program.language.name}: its client does not answer from memory alone")


def _rows(language: Language, kind: Kind, rounds: list[dict[str, Any]]) -> list[Row]:
    digest, verify = (median(one[name] for one in rounds) for name in ("digest", "verify"))
    rows = [Row(f"{language.name}: SHA-256 of a token {kind.title}", digest, "µs")]
    for way, name in language.ways.items():
        hit = median(one["hits"][way] for one in rounds)
        ratio = median(one["hits"][way] / one["digest"] for one in rounds)
        budget = "" if kind is Kind.MANY else language.budget
        rows.append(Row(f"{name}: a hit, {kind.title}", hit, "µs"))
        rows.append(Row(f"{name}: a hit to SHA-256, {kind.title}", ratio, "times", budget))
    slower = median(one["verify"] / one["hits"][next(iter(language.ways))] for one in rounds)
    rows.append(Row(f"{language.name}: {language.library} verifies, {kind.title}", verify, "µs"))
    rows.append(Row(f"{language.name}: {language.library} to a hit, {kind.title}", slower, "times"))
    return rows
