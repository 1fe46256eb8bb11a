"""The chain of real servers, started once for all tests that need it."""

from collections.abc import Iterator

import pytest

from tests.e2e.outpost import Outpost
from tests.e2e.rig import Rig, start_rig
from tests.e2e.servers import Servers


@pytest.fixture(name="rig", scope="session")
def _rig() -> Iterator[Rig]:
    servers = Servers()
    outpost = Outpost()
    try:
        yield start_rig(servers, outpost)
    finally:
        servers.close()
        outpost.close()
