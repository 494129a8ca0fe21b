"""A fixture for pytest: `pytest_plugins = ["sessiond.testing.fixtures"]`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sessiond.testing.fake import FakeSessiond


@pytest.fixture
def fake_sessiond() -> Iterator[FakeSessiond]:
    """A sessiond of a test's own."""
    with FakeSessiond() as fake:
        yield fake
