"""What every store must do, over one partition and over three."""

from __future__ import annotations

import pytest

from tests.support.leases import Provider
from tests.support.store import Store


@pytest.fixture(
    params=[
        pytest.param(1, id="one-partition"),
        pytest.param(3, id="three-partitions"),
    ]
)
def partitions(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture
def provider(store: Store) -> Provider:
    """Sessions of a provider in the store."""
    return Provider(store, store.stores.leases, store.stores.queue)
