"""An admin context to administer, without a web framework."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authz.admin import changes
from authz.admin.changes import Draft
from authz.admin.context import Actor, AdminContext
from authz.decision import signed_in
from authz.policy.records import Change, Revision
from authz.runtime import Runtime, start
from authz.settings import read_settings
from tests.web.apps import CHEAP_ALICE, CHEAP_BOB, RecordingSink

POLICY = """\
# people
p, role:user, /map, GET
# note: all of it
p, role:admin, /*, *
# disabled: p, role:user, /chat, POST
g, group:music-admins, role:admin
g, role:editor, role:user
p, role:editor, /api/playlists/*, GET|POST
g, user:carol, role:editor
"""

ALICE = Actor(
    subject=signed_in("user:alice", source="local", display_name="Alice"),
    peer="192.0.2.1",
    request_id="abc",
)


def draft(context: AdminContext, *made: Change) -> Draft:
    """Return a draft of what is *made* to the state now."""
    return Draft(base=changes.state(context).etag, changes=made)


def do(context: AdminContext, *made: Change, note: str = "") -> Revision:
    """Make changes, as alice."""
    return changes.apply(context, ALICE, draft(context, *made), note=note)


@pytest.fixture(name="sink")
def _sink() -> RecordingSink:
    return RecordingSink()


@pytest.fixture(name="make_context")
def _make_context(
    tmp_path: Path, sink: RecordingSink
) -> Iterator[Callable[..., AdminContext]]:
    made: list[Runtime] = []

    def make(policy: str = POLICY, **config: Any) -> AdminContext:
        path = tmp_path / f"policy{len(made)}.csv"
        path.write_text(policy)
        runtime = start(
            read_settings(
                {
                    "AUTHZ_POLICY": str(path),
                    "AUTHZ_POLICY_WRITABLE": True,
                    "AUTHZ_ADMIN": "alice",
                    "AUTHZ_ADMIN_PASSWORD": CHEAP_ALICE,
                    "AUTHZ_USER": "bob",
                    "AUTHZ_USER_PASSWORD": CHEAP_BOB,
                    **config,
                },
                {},
            ),
            audit=sink,
        )
        made.append(runtime)
        return AdminContext(runtime=runtime)

    yield make
    for runtime in made:
        runtime.close()


@pytest.fixture(name="context")
def _office(make_context: Callable[..., AdminContext]) -> AdminContext:
    return make_context()
