"""What is counted, by the event of the port of telemetry that it is counted at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, get_args

from sessiond_server.domain.session import Cause
from sessiond_server.service.storage.missing_keys import PEPPER, SEALING_KEY
from sessiond_server.service.storage.revocations import Break
from sessiond_server.service.telemetry import HttpRefusal, SessionSource


class Counted(NamedTuple):
    """The name of a counter, what it means, its labels, and the words of each where they never change."""

    name: str
    meaning: str
    labels: Sequence[str] = ()
    words: Sequence[Sequence[str]] = ()


COUNTED: Final[Mapping[str, Counted]] = MappingProxyType(
    {
        "call_ended": Counted(
            "sessiond_calls_total",
            "Calls by method, status code and caller",
            ["method", "code", "caller"],
        ),
        "verdicts_given": Counted(
            "sessiond_verdicts_total",
            "Verdicts on tokens; verdict is ACCEPTED, UNDECIDED or the reason",
            ["method", "verdict"],
        ),
        "session_created": Counted(
            "sessiond_sessions_created_total",
            "Sessions that were opened",
            ["source"],
            [get_args(SessionSource)],
        ),
        "sessions_ended": Counted(
            "sessiond_sessions_ended_total",
            "Sessions that were ended, as far as they were counted; those that expire are not",
            ["cause"],
            [[cause.name for cause in Cause]],
        ),
        "token_refreshed": Counted(
            "sessiond_refreshes_total",
            "Refreshes by outcome: ROTATED, ADOPTED, REPLAYED or the reason",
            ["outcome"],
        ),
        "watch_event_sent": Counted(
            "sessiond_watch_events_total", "Events that watchers of revocations were sent, by kind", ["event"]
        ),
        "watch_ended": Counted(
            "sessiond_watches_ended_total",
            "Watches by how they ended; WATCH_FELL_BEHIND for those that were dropped",
            ["outcome"],
        ),
        "rate_limited": Counted(
            "sessiond_rate_limited_total",
            "What was refused because it was done too often, by what and by whom or to what",
            ["activity", "per"],
        ),
        "key_set_fetched": Counted(
            "sessiond_key_set_fetches_total", "Fetches of key sets by outcome", ["issuer", "outcome"]
        ),
        "workload_token_judged": Counted(
            "sessiond_workload_tokens_total",
            "Tokens of workloads that were looked at; outcome is ACCEPTED or why it shows no caller",
            ["issuer", "outcome"],
        ),
        "exchange_tried": Counted(
            "sessiond_exchanges_total", "Refreshes at providers by outcome", ["issuer", "outcome"]
        ),
        "exchanged_ahead": Counted(
            "sessiond_exchanges_ahead_total",
            "Exchanges at providers before anybody needs them, by outcome",
            ["issuer", "outcome"],
        ),
        "provider_erred": Counted(
            "sessiond_provider_errors_total",
            "Error codes of token and revocation endpoints; `other` for those that are not registered",
            ["issuer", "error"],
        ),
        "rotation_contradicted": Counted(
            "sessiond_rotation_contradictions_total",
            "Exchanges that renewed a refresh token, or kept it, while the issuer's `rotation` differs",
            ["issuer", "refresh_token"],
        ),
        "refresh_life_unread": Counted(
            "sessiond_unread_refresh_lives_total",
            "Answers of token endpoints with a life of the refresh token that is no number of seconds",
            ["issuer"],
        ),
        "scopes_widened": Counted(
            "sessiond_scopes_widened_total",
            "Access tokens to which a provider gave scopes that the login had not",
            ["issuer"],
        ),
        "store_failed": Counted(
            "sessiond_store_errors_total",
            "What the store did not carry out; script is `none` for other commands",
            ["script", "kind"],
        ),
        "key_missing": Counted(
            "sessiond_missing_keys_total",
            "Calls for a session that needs a pepper or a sealing key that is not here",
            ["kind"],
            [[PEPPER, SEALING_KEY]],
        ),
        "log_resynced": Counted(
            "sessiond_revocation_resyncs_total",
            "How often the revocation log was read anew; why is INCARNATION, REGRESSED, DIVERGED or TRIMMED",
            ["why"],
            [[one.name for one in Break]],
        ),
        "store_regressed": Counted(
            "sessiond_revocation_regressions_total",
            "How often the store was seen to have lost, or perhaps lost, acknowledged revocations",
        ),
        "revocations_reasserted": Counted(
            "sessiond_revocation_reassertions_total", "Revocations that were lost and written again from here"
        ),
        "store_run_changed": Counted(
            "sessiond_store_run_changes_total",
            "How often the store was seen in another run: restarted, or replaced by another",
        ),
        "embedded_store_died": Counted(
            "sessiond_embedded_store_deaths_total", "How often the embedded store died and was started again"
        ),
        "stood_still": Counted(
            "sessiond_standstills_total", "How often this process stood still for more than a second"
        ),
        "work_failed": Counted(
            "sessiond_background_failures_total", "How often work in the background failed", ["work"]
        ),
        "http_refused": Counted(
            "sessiond_http_refused_total",
            "What the HTTP port cut or refused; cause is FULL, SLOW, LARGE or MALFORMED",
            ["cause"],
            [get_args(HttpRefusal)],
        ),
    }
)
