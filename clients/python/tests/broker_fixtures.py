from __future__ import annotations

from collections.abc import Iterator

import pytest
from broker import Broker


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """One for all tests that leave it as it was."""
    shared = Broker()
    yield shared
    shared.close()


@pytest.fixture
def own_broker() -> Iterator[Broker]:
    """One that a test may end."""
    own = Broker()
    yield own
    own.close()
