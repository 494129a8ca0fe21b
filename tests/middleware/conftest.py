from typing import Any

import pytest

from tests.support.middleware.backends import BACKENDS


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Any:
    """The same backend in each framework, behind its middleware."""
    return BACKENDS[request.param]
