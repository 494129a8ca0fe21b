"""The declarations of the scripts: whole, true to the scripts' text, and strict before anything is sent."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import pytest

from sessiond_server.adapters.store.one_node import OneNode
from sessiond_server.adapters.store.record import lua_codec
from sessiond_server.adapters.store.scripts.catalogue import ROTATE, SCRIPTS
from sessiond_server.adapters.store.scripts.declaration import (
    COMMON_ARGUMENTS,
    COMMON_KEYS,
    ArgumentsError,
    Lane,
    Late,
    Script,
)
from sessiond_server.adapters.store.scripts.prelude import constants, defined_in, sources, texts
from sessiond_server.adapters.store.scripts.reading import ByOutcome, ReplyError, one
from sessiond_server.adapters.store.scripts.replies import LogReply, PageReply, RefusedReply
from sessiond_server.adapters.store.scripts.runner import Scripts
from sessiond_server.domain.failures import StoreUnavailableError
from tests.support.fakes import RecordingLogger, RecordingTelemetry, SilentLogger
from tests.support.store import Store, connected, is_late

TEXTS = texts()
BY_NAME = [pytest.param(script, id=script.name) for script in SCRIPTS]
# Indices, and in the prelude the milliseconds of a second: no number that Python defines.
PLAIN_NUMBERS = {"0", "1", "2", "3", "4"}
# Each says in the catalogue why it may be carried out behind the time at which whoever sent it gave it up.
CARRIED_OUT_LATE = {
    "pin_partitions",
    "commit",
    "hold",
    "settle",
    "end",
    "poll",
    "trim",
    "reassert",
    "probe",
    "note_use",
    "settle_revocation",
    "survey",
    "add_revocation",
    "order_keys",
    "keep_adoption",
    "hold_adoption",
    "release_adoption",
    "keep_ahead",
}
# What Lua itself defines, and the prelude uses.
LUAS_OWN = {
    "type",
    "unpack",
    "next",
    "pairs",
    "ipairs",
    "tonumber",
    "string",
    "table",
    "math",
    "struct",
    "redis",
}
READING = {"TIME", "GET", "HMGET", "GETRANGE", "EXISTS", "ZRANGE", "ZCARD", "ZCOUNT", "PTTL"}


def code(name: str) -> str:
    """A script without its comments and texts."""
    return re.sub(r"'[^'\n]*'", "''", re.sub(r"--.*", "", TEXTS[name]))


def words(text: str) -> set[str]:
    return set(re.findall(r"[A-Za-z_]\w*", text))


def fitting(script: Script[Any]) -> dict[str, Any]:
    """Arguments that the script takes, found by trying."""
    given: dict[str, Any] = dict.fromkeys(script.keys, "key")
    for arg in script.args:
        given[arg.name] = next(value for value in examples() if accepts(arg.encode, value))
    return given


def examples() -> list[Any]:
    return [7, *(bytes(size) for size in (4, 16, 32)), b"any", "END", None]


def accepts(encode: Any, value: Any) -> bool:
    try:
        encode(value)
    except ArgumentsError:
        return False
    return True


def test_every_script_is_declared_and_every_declaration_has_a_file() -> None:
    assert sorted(script.name for script in SCRIPTS) == sorted(TEXTS.keys() - {"prelude"})


@pytest.mark.parametrize("script", BY_NAME)
def test_everything_that_is_declared_is_used(script: Script[Any]) -> None:
    assert set(script.names) - words(code(script.name)) == set()


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_no_script_counts_positions_or_writes_a_number_that_python_defines(name: str) -> None:
    assert {"KEYS", "ARGV"} & words(code(name)) == set()
    allowed = PLAIN_NUMBERS | ({"1000"} if name == "prelude" else set())
    assert set(re.findall(r"(?<![\w.])\d+", code(name))) <= allowed


@pytest.mark.parametrize("script", BY_NAME)
def test_no_name_is_defined_twice(script: Script[Any]) -> None:
    """A constant or a function of the prelude would hide an argument of the same name."""
    shared = [*COMMON_KEYS, *COMMON_ARGUMENTS, *constants()]
    for piece in (*lua_codec(), TEXTS["prelude"]):
        shared += sorted(defined_in(piece))
    names = [*script.names, *shared]
    assert [name for name in names if names.count(name) > 1] == []
    assert set(names) & defined_in(TEXTS[script.name]) == set()
    assert set(names) & LUAS_OWN == set()


@pytest.mark.parametrize("script", BY_NAME)
def test_every_script_is_one_that_the_store_understands(script: Script[Any]) -> None:
    source = sources(SCRIPTS)[script.name].decode()
    assert source.startswith("local ")
    assert source.endswith(TEXTS[script.name])


async def test_the_store_loads_every_script(store: Store) -> None:
    for source in sources(SCRIPTS).values():
        await store.redis.script_load(source)


@pytest.mark.parametrize("script", [one for one in BY_NAME if isinstance(one.values[0].reply, ByOutcome)])
def test_a_script_says_the_outcomes_that_are_declared(script: Script[Any]) -> None:
    text = re.sub(r"--.*", "", TEXTS[script.name])
    said = set(re.findall(r"return \{'([A-Z_]+)'", text))
    assert said == set(script.reply.outcomes)


class Unreachable:
    """A store to which nothing may be sent."""

    def execute_command(self, *_: Any) -> Any:
        pytest.fail("something was sent")


def wrong_calls(script: Script[Any]) -> list[dict[str, Any]]:
    """One name too few, one too many, another name, and every value of another kind."""
    right = fitting(script)
    wrong: list[dict[str, Any]] = [right | {"unheard_of": 1}]
    for name in script.names:
        less = {other: value for other, value in right.items() if other != name}
        wrong += [
            less,
            less | {"unheard_of": 1},
            right | {name: 1.5},
            right | {name: True},
            right | {name: [b"x"]},
        ]
    for arg in script.args:
        wrong += [
            right | {arg.name: value}
            for value in (-1, 2**53, b"x" * 5, "x", 7)
            if not accepts(arg.encode, value)
        ]
    return wrong


@pytest.mark.parametrize("script", BY_NAME)
async def test_what_does_not_fit_is_refused_before_anything_is_sent(script: Script[Any]) -> None:
    scripts = Scripts(
        OneNode(dict.fromkeys(Lane, Unreachable())), telemetry=RecordingTelemetry(), logger=SilentLogger()
    )
    script.bind(fitting(script))
    for given in wrong_calls(script):
        with pytest.raises(ArgumentsError):
            await scripts.run(script, 0, **given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("generation", b"7"),
        ("generation", -1),
        ("generation", 2**53),
        ("generation", True),
        ("id", bytes(15)),
        ("id", "0123456789abcdef"),
        ("id", None),
        ("secret_hash", bytes(16)),
        ("record", b"s:00"),
    ],
)
def test_each_argument_has_its_kind(name: str, value: Any) -> None:
    with pytest.raises(ArgumentsError):
        ROTATE.bind(fitting(ROTATE) | {name: value})


def test_a_member_of_an_enumeration_is_sent_as_its_number() -> None:
    from sessiond_server.adapters.store.scripts.catalogue import END
    from sessiond_server.domain.session import Cause

    _, sent = END.bind(fitting(END) | {"cause": Cause.ADMIN})
    assert [type(value) for value in sent if value == Cause.ADMIN] == [int]


def test_a_reply_is_read_by_name() -> None:
    page = [[b"e"], b"i", 3, b"t", b"", 0, 7, b"r", 1, 5, 1, 0, 4, 9]
    assert one(PageReply)(page) == PageReply(
        (b"e",),
        b"i",
        3,
        "t",
        "",
        reached_head=False,
        store_ms=7,
        run="r",
        is_noted=True,
        changed_ms=5,
        is_primary=True,
        is_replicated=False,
        born_ms=4,
        behind=9,
    )
    refused = [b"REFRESH_TOKEN_REUSED", [[], b"i", 0, b""]]
    assert ROTATE.reply(refused) == ("REFRESH_TOKEN_REUSED", RefusedReply(LogReply((), b"i", 0, ""), None))
    # Lua cuts a list at its first nil.
    assert ROTATE.reply([b"SESSION_REVOKED"]) == ("SESSION_REVOKED", RefusedReply(None, None))


@pytest.mark.parametrize("found", [None, [], [b"\xff"], [b"NEVER_DECLARED"], [1], [b"BUSY", b"telling"]])
def test_a_reply_that_is_not_declared_is_refused_and_not_repeated(found: Any) -> None:
    with pytest.raises(ReplyError) as refused:
        ROTATE.reply(found)
    assert not re.search("telling|NEVER|xff", str(refused.value))


@pytest.mark.parametrize(
    "reply",
    [
        None,
        b"ROTATED",
        [],
        [b"TELLING"],
        [b"ROTATED"],
        [b"ROTATED", 1, None],
        [b"ROTATED", b"telling", None, b"more"],
        [b"BUSY", b"telling"],
        [b"LEASED", b"r", b"t", b"x"],
        [b"SESSION_REVOKED", [b"telling"]],
    ],
)
def test_a_reply_that_is_not_declared_is_refused_and_not_told(reply: Any) -> None:
    with pytest.raises(ReplyError) as refused:
        ROTATE.reply(reply)
    assert "telling" not in str(refused.value).lower()


async def test_the_constants_of_scripts_are_those_of_python(store: Store) -> None:
    for name, value in constants().items():
        found = await store.redis.eval(f"local {name} = {value} return tostring({name}) == '' or {name}", 0)
        if isinstance(found, int):
            assert str(found) == value
        else:
            assert isinstance(found, bytes)


def test_what_is_carried_out_late_is_so_for_a_reason() -> None:
    assert {script.name for script in SCRIPTS if script.late is Late.CARRIED_OUT} == CARRIED_OUT_LATE


def test_no_script_goes_without_having_decided_what_it_does_late() -> None:
    with pytest.raises(TypeError, match="late"):
        Script("undecided", ROTATE.reply)


@pytest.mark.parametrize("script", [one for one in BY_NAME if one.values[0].late is Late.READS])
def test_what_reads_writes_nothing(script: Script[Any]) -> None:
    source = sources(SCRIPTS)[script.name].decode()
    assert set(re.findall(r"redis\.p?call\(\s*'(\w+)'", source)) <= READING


@pytest.mark.parametrize("script", BY_NAME)
async def test_only_what_must_not_happen_late_is_refused_behind_its_time(
    store: Store, script: Script[Any]
) -> None:
    logger = RecordingLogger()
    late = connected(store.redis, logger=logger)
    is_late(late)
    with suppress(StoreUnavailableError):
        await late.scripts.run(script, 0, **fitting(script))
    told = [fields["kind"] for fields in logger.said("the store does not do as told")]
    assert told == (["LATE"] if script.late is Late.REFUSED else [])
    if told:
        assert await store.redis.dbsize() == 0
