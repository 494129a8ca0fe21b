"""What a call may demand to be known of revocations, over a log whose answers a test gives by hand."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

import pytest

from sessiond_server.adapters.jwt.parser import StrictTokenParser
from sessiond_server.domain.confirmation import ClientCertificate
from sessiond_server.domain.consistency import AtLeastAsFresh, Consistency, FullyConsistent
from sessiond_server.domain.failures import (
    InputRefusedError,
    OverloadedError,
    RevocationViewStaleError,
    StoreUnavailableError,
)
from sessiond_server.domain.requirements import NO_REQUIREMENTS
from sessiond_server.domain.revocation import Position
from sessiond_server.service.revocation.consistency import MAX_WAITING, WAIT_SECONDS, RequiredConsistency
from sessiond_server.service.revocation.follow import Revocations
from sessiond_server.service.storage.revocations import Break, LogPage
from sessiond_server.service.validation.signed import SignedTokens
from sessiond_server.service.validation.token_cache import TokenCache
from sessiond_server.service.validation.validate import Validation
from tests.support.fakes import FakeClock, RecordingTelemetry, SilentLogger
from tests.support.revocations import alone
from tests.support.vectors import DEFAULTS, MAX_TOKEN_BYTES, NOW, token_of, trusted_of
from tests.support.waiting import eventually

INCARNATION, OTHER = bytes(16), bytes(15) + b"\1"
EARLIER: Final = Position(INCARNATION, 0, 4, "earlier")
END: Final = Position(INCARNATION, 0, 5, "end")
BEYOND: Final = replace(END, number=7)
PAGE: Final = LogPage(
    (),
    END,
    continues=True,
    reached_head=True,
    store_ms=1_800_000_000_000,
    run="run",
    is_noted=True,
    changed_ms=0,
)
BOUND = token_of({"claims": {"cnf": {"jkt": "thumbprint"}}}).encode()


class ScriptedLog:
    """Answers a read when the test does, with what the test says."""

    def __init__(self, *, partitions: int = 2) -> None:
        self._partitions = partitions
        self.sent: list[tuple[int, asyncio.Future[LogPage]]] = []

    def partitions(self) -> range:
        return range(self._partitions)

    def partition_of(self, placing_byte: int) -> int:
        return placing_byte % self._partitions

    async def read(self, partition: int, _after: Position | None) -> LogPage:
        answer: asyncio.Future[LogPage] = asyncio.get_running_loop().create_future()
        self.sent.append((partition, answer))
        return await answer

    async def note_change(self, _partition: int, **_known: int) -> bool:
        return True

    async def trim(self, _partition: int) -> bool:
        return False

    async def was_sent(self, number: int) -> asyncio.Future[LogPage]:
        """The read with this number, counted from 1, once it is under way."""
        await eventually(lambda: len(self.sent) >= number)
        return self.sent[number - 1][1]

    async def answer(self, number: int, page: LogPage | Exception = PAGE) -> None:
        """Answer the read with this number."""
        answer, (partition, _) = await self.was_sent(number), self.sent[number - 1]
        if isinstance(page, Exception):
            answer.set_exception(page)
        else:
            answer.set_result(replace(page, position=replace(page.position, partition=partition)))


@pytest.fixture
def log() -> ScriptedLog:
    return ScriptedLog()


@pytest.fixture
def view(log: ScriptedLog) -> Revocations:
    clock, logger = FakeClock(NOW), SilentLogger()
    telemetry = RecordingTelemetry()
    return Revocations(
        log,
        max_staleness_seconds=1.0,
        clock=clock,
        checks=alone(clock, partitions=2),
        logger=logger,
        telemetry=telemetry,
    )


async def settled() -> None:
    """Whatever can run without an answer of the log has run."""
    for _ in range(10):
        await asyncio.sleep(0)


async def read(view: Revocations, log: ScriptedLog, page: LogPage = PAGE) -> None:
    """The view has read alice's partition as far as this page."""
    reading = asyncio.create_task(view.catch_up(0))
    await log.answer(len(log.sent) + 1, page)
    await reading


def begun(view: Revocations, consistency: Consistency, **bounds: Any) -> asyncio.Task[None]:
    return asyncio.create_task(RequiredConsistency(view, **bounds).reach(consistency, {0}))


async def test_a_read_under_way_is_too_early_for_who_must_know_everything(
    view: Revocations, log: ScriptedLog
) -> None:
    stale = asyncio.create_task(view.catch_up(0))
    await log.was_sent(1)
    full = begun(view, FullyConsistent())
    also_stale = asyncio.create_task(view.catch_up(0))
    await settled()
    await log.answer(1)
    await asyncio.gather(stale, also_stale)
    await log.was_sent(2)
    await settled()
    assert not full.done()
    await log.answer(2)
    await full
    assert len(log.sent) == 2


@pytest.mark.parametrize("is_one_under_way", [False, True])
async def test_ten_who_must_know_everything_share_a_read(
    view: Revocations, log: ScriptedLog, *, is_one_under_way: bool
) -> None:
    stale = [asyncio.create_task(view.catch_up(0))] if is_one_under_way else []
    await settled()
    full = [begun(view, FullyConsistent()) for _ in range(10)]
    await settled()
    assert len(log.sent) == 1
    for number in range(1, len(stale) + 2):
        await log.answer(number)
    await asyncio.gather(*stale, *full)
    assert len(log.sent) == len(stale) + 1


async def test_who_leaves_takes_the_answer_from_nobody(view: Revocations, log: ScriptedLog) -> None:
    leaving, staying = begun(view, FullyConsistent()), begun(view, FullyConsistent())
    await log.was_sent(1)
    leaving.cancel()
    await log.answer(1)
    await staying


async def test_only_the_partitions_that_are_needed_are_read(view: Revocations, log: ScriptedLog) -> None:
    full = begun(view, FullyConsistent())
    await log.answer(1)
    await full
    assert [partition for partition, _ in log.sent] == [0]


@pytest.mark.parametrize("consistency", [FullyConsistent(), AtLeastAsFresh((END,))])
async def test_a_store_that_is_away_leaves_no_answer(
    view: Revocations, log: ScriptedLog, consistency: Consistency
) -> None:
    call = begun(view, consistency)
    await log.answer(1, StoreUnavailableError())
    with pytest.raises(RevocationViewStaleError):
        await call


@pytest.mark.parametrize("position", [END, EARLIER, replace(BEYOND, partition=1)])
async def test_what_was_read_or_is_not_needed_is_not_waited_for(
    view: Revocations, log: ScriptedLog, position: Position
) -> None:
    await read(view, log)
    await begun(view, AtLeastAsFresh((position,)))
    assert len(log.sent) == 1


async def test_a_revision_ahead_is_waited_for(view: Revocations, log: ScriptedLog) -> None:
    await read(view, log)
    call = begun(view, AtLeastAsFresh((BEYOND,)))
    await log.was_sent(2)
    assert not call.done()
    await log.answer(2, replace(PAGE, position=BEYOND))
    await call
    assert view.has_read(BEYOND)


async def test_a_revision_beyond_the_end_is_refused_after_a_read_of_its_own(
    view: Revocations, log: ScriptedLog
) -> None:
    await read(view, log)
    early = asyncio.create_task(view.catch_up(0))
    await log.was_sent(2)
    call = begun(view, AtLeastAsFresh((BEYOND,)))
    await settled()
    await log.answer(2)
    await early
    await log.answer(3)
    with pytest.raises(InputRefusedError) as refused:
        await call
    assert refused.value.found == "a revision 2 entries beyond the end of the revocation log"


@pytest.mark.parametrize(
    ("position", "page"),
    [
        (replace(BEYOND, incarnation=OTHER), PAGE),
        (replace(END, tag="lost"), PAGE),
        (BEYOND, replace(PAGE, changed_ms=1)),
        (BEYOND, replace(PAGE, is_noted=False)),
        (BEYOND, replace(PAGE, continues=False, broken_by=Break.DIVERGED)),
    ],
    ids=["incarnation", "tag", "a loss noted before", "a new run", "replaced"],
)
async def test_a_revision_of_a_log_that_is_lost_needs_everything_known(
    view: Revocations, log: ScriptedLog, position: Position, page: LogPage
) -> None:
    await read(view, log)
    early = asyncio.create_task(view.catch_up(0))
    await log.was_sent(2)
    call = begun(view, AtLeastAsFresh((position,)))
    await settled()
    await log.answer(2, page)
    await early
    await log.was_sent(3)
    assert not call.done()
    await log.answer(3)
    await call


LATELY: Final = PAGE.store_ms - 4_999
LONG_AGO: Final = PAGE.store_ms - 5_000


@pytest.mark.parametrize(
    ("position", "of_log"),
    [
        (END, {"changed_ms": LATELY}),
        (EARLIER, {"changed_ms": LATELY}),
        (BEYOND, {"changed_ms": LATELY}),
        (BEYOND, {"is_noted": False}),
        (replace(END, incarnation=OTHER), {"changed_ms": LATELY}),
        (replace(END, incarnation=OTHER), {"born_ms": LATELY}),
    ],
)
async def test_a_revision_that_was_lost_just_now_is_not_reached_while_others_write_it_again(
    view: Revocations, log: ScriptedLog, position: Position, of_log: dict[str, Any]
) -> None:
    await read(view, log, replace(PAGE, **of_log))
    call = begun(view, AtLeastAsFresh((position,)))
    await log.answer(2, replace(PAGE, continues=False, **of_log))
    if not view.has_read(position):
        await log.answer(3, replace(PAGE, **of_log))
    with pytest.raises(RevocationViewStaleError):
        await call
    assert len(log.sent) == (2 if view.has_read(position) else 3)


async def test_a_revision_that_the_store_still_has_is_reached_although_something_was_lost(
    view: Revocations, log: ScriptedLog
) -> None:
    await read(view, log, replace(PAGE, changed_ms=LATELY))
    call = begun(view, AtLeastAsFresh((EARLIER,)))
    await log.answer(2)
    await call
    away = begun(view, AtLeastAsFresh((EARLIER,)))
    await log.answer(3, StoreUnavailableError())
    with pytest.raises(RevocationViewStaleError):
        await away


@pytest.mark.parametrize("of_log", [{"changed_ms": LONG_AGO}, {"born_ms": LONG_AGO}])
async def test_a_revision_that_was_lost_long_ago_is_reached_by_a_read(
    view: Revocations, log: ScriptedLog, of_log: dict[str, Any]
) -> None:
    page = replace(PAGE, **of_log)
    await read(view, log, page)
    call = begun(view, AtLeastAsFresh((replace(END, incarnation=OTHER),)))
    for number in (2, 3):
        await log.answer(number, page)
    await call


async def test_a_log_that_began_just_now_has_no_revision_beyond_its_end(
    view: Revocations, log: ScriptedLog
) -> None:
    page = replace(PAGE, born_ms=LATELY)
    await read(view, log, page)
    call = begun(view, AtLeastAsFresh((BEYOND,)))
    for number in (2, 3):
        await log.answer(number, page)
    with pytest.raises(InputRefusedError):
        await call


async def test_the_wait_for_a_revision_ends(view: Revocations, log: ScriptedLog) -> None:
    assert WAIT_SECONDS == 1.0
    with pytest.raises(RevocationViewStaleError):
        await begun(view, AtLeastAsFresh((END,)), wait_seconds=0.01)
    # The read itself goes on, for others.
    assert not (await log.was_sent(1)).cancelled()


async def test_those_who_wait_for_a_revision_are_bounded(view: Revocations, log: ScriptedLog) -> None:
    assert MAX_WAITING == 1000
    required = RequiredConsistency(view, max_waiting=2)
    waiting = [asyncio.create_task(required.reach(AtLeastAsFresh((END,)), {0})) for _ in range(2)]
    await log.was_sent(1)
    with pytest.raises(OverloadedError):
        await required.reach(AtLeastAsFresh((END,)), {0})
    await log.answer(1)
    await asyncio.gather(*waiting)
    # Whoever has waited makes room; what is known already takes none.
    ahead = asyncio.create_task(required.reach(AtLeastAsFresh((BEYOND,)), {0}))
    await log.answer(2, replace(PAGE, position=BEYOND))
    await ahead


class Possession:
    """Notes when a proof is spent."""

    def __init__(self) -> None:
        self.spent = 0

    async def is_proven(self, *_: Any, **__: Any) -> bool:
        self.spent += 1
        return True


def validation_over(view: Revocations, possession: Possession) -> Validation:
    signed = SignedTokens(
        [trusted_of(DEFAULTS["claims"]["iss"], {})],
        parser=StrictTokenParser(MAX_TOKEN_BYTES),
        cache=TokenCache(max_bytes=1 << 20),
        max_token_bytes=MAX_TOKEN_BYTES,
        encode=lambda _: b"",
    )
    return Validation(signed, revocations=view, possession=possession, clock=FakeClock(NOW))


async def test_no_proof_is_spent_before_the_consistency_is_reached(
    view: Revocations, log: ScriptedLog
) -> None:
    possession = Possession()
    validation = validation_over(view, possession)
    everywhere = AtLeastAsFresh((END, replace(END, partition=1)))

    def validate(consistency: Consistency) -> asyncio.Task[Any]:
        proof = ClientCertificate(bytes(32))
        return asyncio.create_task(
            validation.validate(BOUND, NO_REQUIREMENTS, proof=proof, consistency=consistency)
        )

    for number, consistency in enumerate((FullyConsistent(), everywhere), start=1):
        call = validate(consistency)
        await log.answer(number, StoreUnavailableError())
        with pytest.raises(RevocationViewStaleError):
            await call
        assert possession.spent == 0
    call = validate(FullyConsistent())
    await log.answer(3)
    await call
    assert possession.spent == 1


async def test_a_batch_reads_every_partition_that_its_tokens_need_and_no_other(
    log: ScriptedLog, view: Revocations
) -> None:
    validation = validation_over(view, Possession())
    subjects = [token_of({"claims": {"sub": f"user-{number}"}}).encode() for number in range(20)]
    needed = {
        log.partition_of(verified.revocation_ids.placing_byte)
        for token in subjects
        if (verified := await validation.authenticate(token))
    }
    assert needed == {0, 1}
    for tokens, count in ((subjects, 2), ([b"junk"], 0)):
        before = len(log.sent)
        call = asyncio.create_task(
            validation.validate_all(tokens, NO_REQUIREMENTS, consistency=FullyConsistent())
        )
        for number in range(before, before + count):
            await log.answer(number + 1)
        await call
        assert len(log.sent) - before == count


async def test_how_far_the_log_is_ahead_is_known_while_it_is_read(
    view: Revocations, log: ScriptedLog
) -> None:
    reading = asyncio.create_task(view.catch_up(0))
    await log.answer(1, replace(PAGE, reached_head=False, behind=1500))
    await log.was_sent(2)
    assert view.entries_behind == 1500
    await log.answer(2)
    await reading
    assert view.entries_behind == 0
