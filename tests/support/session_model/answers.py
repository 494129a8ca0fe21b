"""What a finished call may have answered, and what may be in the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sessiond_server.domain.refresh_token import Peppers, RefreshToken
from sessiond_server.transport.engine.port import Status
from tests.support.session_model.adopted import REFUSALS, Adopting
from tests.support.session_model.attempts import NOTHING, SUCCESS
from tests.support.session_model.families import Presented
from tests.support.session_model.upstream import claims_of

if TYPE_CHECKING:
    from tests.support.session_model.attempts import Attempt
    from tests.support.session_model.families import Family
    from tests.support.session_model.world import World

_SECONDS_OF_UNCANCELLED = 29.9


def told(answer: Any) -> str:
    """The word for an answer."""
    return answer.reason if isinstance(answer, Status) else SUCCESS


def judge(world: World, attempt: Attempt, peppers: Peppers) -> None:
    """Compare the answer of a call that has ended with what was carried out for it."""
    assert attempt.task
    assert attempt.task.done()
    if attempt.task.cancelled():
        return
    answer = attempt.task.result()
    allowed = {attempt.expected, *attempt.excuses} - {NOTHING}
    if isinstance(attempt.about, Adopting):
        allowed |= REFUSALS
    if world.steady - attempt.arrived > _SECONDS_OF_UNCANCELLED:
        allowed.add("STORE_UNAVAILABLE")
    if told(answer) not in allowed:
        world.witness.complain(attempt, f"{told(answer)} instead of {sorted(allowed)}")
    elif told(answer) == SUCCESS:
        if isinstance(attempt.about, Adopting):
            _judge_adoption(world, attempt, answer)
        elif attempt.method == "RefreshSession":
            _judge_success(world, attempt, answer, peppers)
        for family in world.witness.families.values() if attempt.method == "RevokeSession" else ():
            if family.is_over:
                family.ended_at.add(attempt.server)


def _judge_adoption(world: World, attempt: Attempt, answer: Any) -> None:
    adopted, tokens = attempt.about.adopted, answer.tokens
    if adopted.first and adopted.first != tokens.refresh_token:
        world.witness.complain(attempt, "I2: a token of the provider has opened two sessions")
    adopted.first = tokens.refresh_token


def _judge_success(world: World, attempt: Attempt, answer: Any, peppers: Peppers) -> None:
    presented: Presented = attempt.about
    family = presented.family
    for wrong in _wrong_of(family, presented, answer, peppers):
        world.witness.complain(attempt, wrong)
    tokens = answer.tokens
    family.tokens.setdefault(presented.generation + 1, tokens.refresh_token)
    family.answers.setdefault(presented.generation, _core_of(tokens))
    family.access_tokens.append(tokens.access_token)


def _wrong_of(family: Family, presented: Presented, answer: Any, peppers: Peppers) -> list[str]:
    """What of an answer breaks a promise."""
    tokens, wrong = answer.tokens, []
    before = family.answers.get(presented.generation)
    if before is not None and before != _core_of(tokens):
        wrong.append("I2: another answer to the same token")
    successor = peppers.recognise(tokens.refresh_token)
    if not isinstance(successor, RefreshToken) or successor.generation != presented.generation + 1:
        wrong.append("I3: a successor that is not the next one")
    if tokens.session.session_id != family.session or tokens.session.subject != family.subject:
        wrong.append("I6: the session is another's")
    if tokens.refresh_expire_time.ToMilliseconds() > family.absolute_expire_ms:
        wrong.append("I6: the refresh token outlives the session")
    return wrong


def _core_of(tokens: Any) -> tuple[str, str]:
    """What everybody has to be given alike: the successor, and what the access token says."""
    return tokens.refresh_token, str(sorted(claims_of(tokens.access_token).items()))
