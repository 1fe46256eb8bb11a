"""A request that was to change something leaves a record, also if it is refused."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.web.apps import RecordingSink, browser_of


@pytest.mark.parametrize("form", [{"x": ""}, None])
def test_what_is_refused_is_written_down(
    make_app: Callable[..., Flask],
    sink: RecordingSink,
    form: dict[str, str] | None,
):
    """With who it was, what they asked for, and why not; looking leaves nothing."""
    alice = browser_of(make_app(), "alice")
    before = len(sink.events)

    answer = alice("POST", "/authz/api/v1/rules", form=form)
    alice(path="/authz/api/v1/rules/999")

    (event,) = sink.events[before:]
    assert answer.status >= 400
    assert str(event.tag) == "api:refused"
    assert event.subject == "user:alice"
    assert (event.method, event.path) == ("POST", "/authz/api/v1/rules")
    assert event.reason
    assert event.detail["status"] == str(answer.status)
