"""What a server knows of revocations: which tokens an entry hits, and what remains of two about one id."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessiond_server.domain.revocation import (
    FOREVER_MS,
    NO_ID,
    Position,
    Revocation,
    RevocationType,
    from_revision,
    to_revision,
)
from sessiond_server.domain.revocation_ids import RevocationIds
from sessiond_server.domain.view import RevocationView

ID, SESSION, PROVIDER = b"i" * 16, b"s" * 16, b"p" * 16
IDS = RevocationIds((ID, SESSION), SESSION, PROVIDER, started_ms=1000, placing_byte=0)
CUTOFF = Revocation(RevocationType.SUBJECT, ID, not_before_ms=1000, expire_ms=9999)


def view(*entries: Revocation) -> RevocationView:
    known = RevocationView(partitions=1)
    for entry in entries:
        known.apply(0, entry)
    return known


def test_nothing_known_revokes_nothing() -> None:
    assert not view().revokes(0, IDS)


@pytest.mark.parametrize(
    ("not_before", "revoked"), [(999, False), (1000, True), (1001, True), (FOREVER_MS, True)]
)
def test_what_began_at_the_cutoff_or_before_is_hit(not_before: int, *, revoked: bool) -> None:
    assert view(replace(CUTOFF, not_before_ms=not_before)).revokes(0, IDS) is revoked


def test_what_does_not_say_when_it_began_is_older_than_every_cutoff() -> None:
    assert view(replace(CUTOFF, not_before_ms=0)).revokes(0, replace(IDS, started_ms=None))


def test_another_id_is_not_hit() -> None:
    assert not view(replace(CUTOFF, hashed_id=b"x" * 16)).revokes(0, IDS)


@pytest.mark.parametrize("exception", [{"except_session": SESSION}, {"except_provider_session": PROVIDER}])
def test_an_exception_spares_its_session(exception: dict[str, bytes]) -> None:
    assert not view(replace(CUTOFF, **exception)).revokes(0, IDS)
    assert view(replace(CUTOFF, **exception)).revokes(
        0, replace(IDS, session=b"o" * 16, provider_session=b"o" * 16)
    )


def test_an_exception_does_not_spare_from_earlier_cutoffs() -> None:
    spared = replace(CUTOFF, not_before_ms=5000, except_session=SESSION, floor_ms=1000)
    assert view(spared).revokes(0, IDS)
    assert not view(spared).revokes(0, replace(IDS, started_ms=1001))


def test_no_exception_does_not_spare_a_token_without_a_session() -> None:
    assert view(CUTOFF).revokes(0, replace(IDS, session=NO_ID, provider_session=NO_ID))


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_the_stronger_parts_remain(order: int) -> None:
    earlier = replace(CUTOFF, not_before_ms=2000, expire_ms=9000, floor_ms=800)
    later = replace(CUTOFF, not_before_ms=3000, expire_ms=8000, except_session=SESSION, floor_ms=500)
    known = view(*[earlier, later][::order])
    # The later one does not know of the earlier one, which spared nobody.
    assert known.revokes(0, replace(IDS, started_ms=2000))
    assert not known.revokes(0, replace(IDS, started_ms=2001))
    assert known.revokes(0, replace(IDS, session=NO_ID, started_ms=3000))
    known.forget_expired(now_ms=8999)
    assert len(known) == 1


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_that_spare_the_same_the_later_floor_remains(order: int) -> None:
    earlier = replace(CUTOFF, not_before_ms=2000, except_session=SESSION, floor_ms=800)
    later = replace(CUTOFF, not_before_ms=3000, except_session=SESSION, floor_ms=500)
    known = view(*[earlier, later][::order])
    assert known.revokes(0, replace(IDS, started_ms=800))
    assert not known.revokes(0, replace(IDS, started_ms=801))


def test_what_is_revoked_in_one_partition_hits_no_token_of_another() -> None:
    known = RevocationView(partitions=3)
    known.apply(1, CUTOFF)
    assert [known.revokes(partition, IDS) for partition in range(3)] == [False, True, False]
    assert known.find(ID) == CUTOFF


def test_a_view_has_no_more_partitions_than_its_index_tells_apart() -> None:
    with pytest.raises(ValueError, match="256"):
        RevocationView(partitions=257)


def test_an_entry_leaves_by_its_own_expiry_alone() -> None:
    known = view(CUTOFF)
    known.forget_expired(now_ms=9998)
    assert len(known) == 1
    known.forget_expired(now_ms=9999)
    assert len(known) == 0


def test_freshness_is_never_shortened() -> None:
    known = view()
    known.renew(0, fresh_until=5.0)
    known.renew(0, fresh_until=4.0)
    assert known.fresh_until(0) == 5.0


def test_a_view_is_complete_when_every_partition_was_read() -> None:
    known = RevocationView(partitions=2)
    assert not known.is_complete
    known.advance(Position(ID, 0, 0, ""))
    assert not known.is_complete
    known.advance(Position(ID, 1, 0, ""))
    assert known.is_complete
    assert len(from_revision(known.revision) or ()) == 2


positions = st.builds(
    Position,
    incarnation=st.binary(min_size=16, max_size=16),
    partition=st.integers(0, 2**16 - 1),
    number=st.integers(0, 2**64 - 1),
    tag=st.just("") | st.from_regex(r"[0-9a-f]{16}", fullmatch=True),
)


@given(st.lists(positions, max_size=16))
def test_a_revision_says_where_each_partition_stands(places: list[Position]) -> None:
    assert from_revision(to_revision(places)) == tuple(places)


@pytest.mark.parametrize("text", ["?", "é", "A", "AB", "AAAA", "A" * 56 + "=", "__8", 56 * "_"])
def test_a_text_that_is_no_revision(text: str) -> None:
    assert from_revision(text) is None


ids = st.sampled_from([SESSION, PROVIDER, NO_ID])
entries = st.builds(
    Revocation,
    type=st.sampled_from(RevocationType),
    hashed_id=st.binary(min_size=16, max_size=16),
    not_before_ms=st.integers(0, FOREVER_MS),
    expire_ms=st.integers(0, FOREVER_MS),
    except_session=ids,
    except_provider_session=ids,
    floor_ms=st.integers(0, FOREVER_MS),
)


@given(entries)
def test_an_entry_has_73_bytes_and_comes_back(entry: Revocation) -> None:
    assert len(entry.pack()) == 73
    assert Revocation.unpack(entry.pack()) == entry
