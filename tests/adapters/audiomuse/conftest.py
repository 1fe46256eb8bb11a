"""The stand-in behind the adapter, with local accounts."""

from collections.abc import Iterator

import pytest

from tests.adapters.audiomuse.rig import ACCOUNTS, Caller, Rig, guarded


@pytest.fixture(name="rig", scope="module")
def _rig() -> Iterator[Rig]:
    with guarded(**ACCOUNTS) as rig:
        yield rig


@pytest.fixture(name="alice", scope="module")
def _alice(rig: Rig) -> Caller:
    return rig.signed_in("alice")


@pytest.fixture(name="bob", scope="module")
def _bob(rig: Rig) -> Caller:
    return rig.signed_in("bob")
