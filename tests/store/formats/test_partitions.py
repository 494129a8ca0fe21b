"""Where things live is said in one place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from sessiond_server.adapters.store.partitions import MAX_PARTITIONS, Partitions, key_in
from sessiond_server.domain.identifiers import SessionId

ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / "server" / "sessiond_server"
HOME = SERVER / "adapters" / "store" / "partitions.py"
# It divides the moduli of keys.
OF_KEYS = SERVER / "adapters" / "jwt" / "roca.py"


def test_a_key_carries_the_hash_tag_of_its_partition() -> None:
    assert key_in(4, "log") == "{" + "p131}log"


def test_a_store_of_one_partition_has_the_keys_that_it_always_had() -> None:
    assert key_in(0, "log") == "{" + "p0}log"


@pytest.mark.parametrize("number", [2, 4, 8, 16, 32, 64])
def test_partitions_are_spread_evenly_over_the_nodes_of_a_cluster(number: int) -> None:
    """Nodes have as many slots each, one behind the other, as `redis-cli --cluster create` divides them."""
    slots = [key_slot(key_in(partition, "log").encode()) for partition in Partitions(number)]
    for nodes in [one for one in (1, 2, 3, 4, 6, 8, 12, 16) if one <= number]:
        shares = [0] * nodes
        for slot in slots:
            shares[slot * nodes // REDIS_CLUSTER_HASH_SLOTS] += 1
        assert min(shares) >= number // nodes - 1, (nodes, shares)
        assert max(shares) <= number // nodes + 2, (nodes, shares)
        if not number % nodes and nodes & (nodes - 1) == 0:
            assert set(shares) == {number // nodes}


def test_there_are_no_more_partitions_than_tags() -> None:
    assert len({key_in(partition, "") for partition in Partitions(MAX_PARTITIONS)}) == MAX_PARTITIONS
    with pytest.raises(ValueError, match="at most 64"):
        Partitions(MAX_PARTITIONS + 1)


@pytest.mark.parametrize("number", [1, 3, 16])
def test_a_session_is_where_its_subject_is(number: int) -> None:
    partitions = Partitions(number)
    for subject in map("user-{}".format, range(50)):
        session = SessionId.mint("https://id.example", subject, randomness=bytes(16))
        placed = partitions.of_subject("https://id.example", subject)
        assert partitions.of_session(session) == partitions.of_placing_byte(session.placing_byte) == placed
        assert placed in list(partitions)
    assert partitions.of_proof(bytes([255])) == 255 % number
    assert partitions.of_the_store() in list(partitions)


def test_no_store_is_without_a_partition() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Partitions(0)


def test_nothing_else_divides_ids() -> None:
    """Where something is divided by what is not a constant, it may be an id by the number of partitions."""
    folders = [SERVER / name for name in ("adapters", "app", "domain", "service", "transport")]
    files = [path for folder in folders for path in folder.rglob("*.py") if path != OF_KEYS]
    assert [path for path in files if any(map(is_division, ast.walk(ast.parse(path.read_text()))))] == [HOME]


def is_division(node: ast.AST) -> bool:
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mod):
        return False
    by = node.right
    return not isinstance(by, ast.Constant) and not (isinstance(by, ast.Name) and by.id.isupper())


def test_nothing_else_writes_a_hash_tag() -> None:
    written = re.compile(r"\{+p(\d|\{)")
    files = [path for folder in ("server", "tests", "bench") for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in files if written.search(path.read_text())] == [HOME]


def test_a_proof_is_where_its_first_byte_says() -> None:
    assert Partitions(16).of_proof(bytes([5, *range(15)])) == 5
