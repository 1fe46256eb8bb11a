"""Recorded decisions, made again under a draft."""

from datetime import UTC, datetime
from typing import Any

import pytest

from authz.audit import AuditEvent, EventTag
from authz.policy.analysis.simulate import Replay, Shift, read_recorded, replay
from tests.policies import compiled


def recorded(tag: EventTag, **fields: Any) -> dict[str, Any]:
    """Return a record as the audit log writes it."""
    given: dict[str, Any] = {
        "subject": "user:bob",
        "names": ("role:authenticated", "role:everyone", "user:bob"),
        "method": "GET",
        "path": "/map",
        **fields,
    }
    return AuditEvent(tag=tag, at=datetime(2026, 1, 2, tzinfo=UTC), **given).as_record()


def simulate(draft: str, *records: dict[str, Any]) -> Replay:
    """Replay *records* under *draft*."""
    return replay((read_recorded(record) for record in records), compiled(draft))


DRAFT = "p, role:user, /map, GET\ng, user:bob, role:user\n"


def test_what_would_change():
    """Newly allowed and newly denied, counted, the most frequent first."""
    result = simulate(
        DRAFT,
        recorded(EventTag.DECISION_ALLOW, reason="allowed-by-rule"),
        recorded(EventTag.DECISION_ALLOW, path="/old", reason="allowed-by-rule"),
        recorded(EventTag.DECISION_DENY, reason="no-rule"),
        recorded(EventTag.DECISION_DENY, reason="no-rule"),
        recorded(EventTag.DECISION_DENY, path="/admin", reason="no-rule"),
    )

    assert result.shifts == (
        Shift(subject="user:bob", method="GET", path="/map", opens=True, times=2),
        Shift(subject="user:bob", method="GET", path="/old", opens=False, times=1),
    )
    assert (result.same, result.opened, result.closed, result.total) == (2, 2, 1, 5)


def test_what_the_app_declared_public_stays():
    """Unless the draft denies it."""
    record = recorded(EventTag.DECISION_ALLOW, path="/about", reason="declared-public")

    assert simulate(DRAFT, record).same == 1
    closed = simulate(DRAFT + "p, role:everyone, /about, GET, deny\n", record)
    assert closed.closed == 1


@pytest.mark.parametrize(
    "record",
    [
        recorded(EventTag.SIGN_IN_SUCCESS),
        recorded(EventTag.DECISION_ALLOW, names=()),
        recorded(EventTag.DECISION_DENY, reason="cross-origin"),
        recorded(EventTag.DECISION_DENY, reason="evaluation-failed"),
        recorded(EventTag.DECISION_DENY, path=""),
    ],
)
def test_what_cannot_be_decided_again_is_counted(record: dict[str, Any]):
    """A record without names, or of another kind, is skipped and said."""
    result = simulate(DRAFT, record)

    assert (result.skipped, result.total) == (1, 0)


@pytest.mark.parametrize(
    "record", [{}, {"event": "decision:deny"}, {"at": 1, "event": 2}]
)
def test_what_is_no_record(record: dict[str, Any]):
    """Something else than the audit log is refused, never skipped."""
    with pytest.raises(ValueError, match="not a record of the audit log"):
        read_recorded(record)
