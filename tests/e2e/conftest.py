"""The chain of real servers, started once for all tests that need it."""

from collections.abc import Iterator

import pytest

from tests.e2e.rig import Rig, start_rig
from tests.e2e.servers import Servers


@pytest.fixture(name="rig", scope="session")
def _rig() -> Iterator[Rig]:
    servers = Servers()
    try:
        yield start_rig(servers)
    finally:
        servers.close()
