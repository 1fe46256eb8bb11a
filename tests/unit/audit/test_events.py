"""Audit events are lines of ASCII JSON, without anything secret."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from authz.audit import AuditEvent, EventTag, LoggingSink, Tee
from authz.audit.events import CHANGES, MAX_LINES

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_an_event_is_one_line():
    """Whatever the fields hold, the line has no line end and no odd characters."""
    event = AuditEvent(
        tag=EventTag.DECISION_DENY,
        at=NOON,
        path="/a\n{}\r\x1b[0m\u2028\u202e",
        subject="user:\U0001f3b5",
    )

    line = event.as_json()

    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["path"] == event.path


def test_empty_fields_are_left_out():
    """A line says what is known, and when."""
    event = AuditEvent(tag=EventTag.SIGN_OUT, at=NOON)

    assert json.loads(event.as_json()) == {
        "at": "2026-01-02T12:00:00.000+00:00",
        "event": "session:sign-out",
    }


def test_long_fields_are_cut():
    """A client cannot fill the disk with one request."""
    event = AuditEvent(tag=EventTag.DECISION_DENY, at=NOON, path="/" + "x" * 100_000)

    assert len(event.as_json()) < 2000


@pytest.mark.parametrize("tag", list(EventTag))
def test_what_went_wrong_is_a_warning(tag: EventTag, caplog: pytest.LogCaptureFixture):
    """Refusals and failures stand out from what went well."""
    went_well = {
        EventTag.DECISION_ALLOW,
        EventTag.SIGN_IN_SUCCESS,
        EventTag.SIGN_OUT,
        EventTag.POLICY_LOADED,
        *CHANGES,
    }
    with caplog.at_level(logging.INFO, logger="authz.audit"):
        LoggingSink().record(AuditEvent(tag=tag, at=NOON))

    expected = logging.INFO if tag in went_well else logging.WARNING
    assert [record.levelno for record in caplog.records] == [expected]


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, logging.INFO),
        ({"method": "HEAD"}, logging.INFO),
        ({"method": "POST"}, logging.WARNING),
        ({"reason": "denied-by-rule"}, logging.WARNING),
        ({"subject": "user:bob"}, logging.WARNING),
        ({"tag": EventTag.IDENTITY_INVALID}, logging.WARNING),
    ],
)
def test_being_asked_to_sign_in_is_no_warning(
    caplog: pytest.LogCaptureFixture, change: dict[str, str], level: int
):
    """Every visit begins with it; whatever else is refused is one."""
    event = AuditEvent(
        tag=EventTag.DECISION_DENY,
        at=NOON,
        subject="auth:anonymous",
        method="GET",
        reason="no-rule",
    )
    with caplog.at_level(logging.INFO, logger="authz.audit"):
        LoggingSink().record(replace(event, **change))  # type: ignore[arg-type]

    assert [record.levelno for record in caplog.records] == [level]


def test_many_lines_are_counted():
    """An import of thousands of rules is one record of a bounded size."""
    event = AuditEvent(
        tag=EventTag.POLICY_CHANGED, at=NOON, after=tuple(map(str, range(1000)))
    )

    after = event.as_record()["after"]

    assert len(after) == MAX_LINES + 1
    assert after[-1] == "... and 800 more"


def test_every_sink_gets_the_event(caplog: pytest.LogCaptureFixture):
    """A file and a logger can both keep what happened."""
    first, second = LoggingSink(), LoggingSink()
    with caplog.at_level(logging.INFO, logger="authz.audit"):
        Tee(first, second).record(AuditEvent(tag=EventTag.SIGN_OUT, at=NOON))

    assert len(caplog.records) == 2
