"""Where events go."""

import logging
from typing import Final, Protocol

from authz.audit.events import CHANGES, AuditEvent, EventTag
from authz.decision import ANONYMOUS_METHOD, Reason


class AuditSink(Protocol):
    """Where events go."""

    def record(self, event: AuditEvent) -> None:
        """Keep *event*.

        Raises:
            AuditFailure: if *event* is a change (`is_change`) and cannot be kept. For
                any other event nothing is raised: a decision stands without its record.
        """


class Tee:
    """Passes each event to several sinks."""

    def __init__(self, *sinks: AuditSink) -> None:
        """Pass events to *sinks*, in this order."""
        self.sinks = sinks

    def record(self, event: AuditEvent) -> None:
        """Keep *event* in every sink; the first that fails keeps it from the rest."""
        for sink in self.sinks:
            sink.record(event)


class LoggingSink:
    """Writes events to the logger `authz.audit`: refusals as warnings."""

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = logger or logging.getLogger("authz.audit")

    def record(self, event: AuditEvent) -> None:
        """Log *event* as one line."""
        quiet = event.tag in _QUIET or _leads_to_sign_in(event)
        level = logging.INFO if quiet else logging.WARNING
        logger = self._logger
        if not logger.isEnabledFor(level):
            return
        # What `logger.log` does but for looking, frame by frame, for who called it.
        line = (event.as_json(),)
        logger.handle(
            logger.makeRecord(
                logger.name, level, __file__, 0, "%s", line, None, "record"
            )
        )


def _leads_to_sign_in(event: AuditEvent) -> bool:
    """Whether somebody who has not signed in yet only wanted to look at a page.

    That is how every visit begins, and not worth a warning.
    """
    return (
        event.tag is EventTag.DECISION_DENY
        and event.subject == ANONYMOUS_METHOD
        and event.method in {"GET", "HEAD"}
        and event.reason == Reason.NO_RULE
    )


_QUIET: Final = CHANGES | {
    EventTag.DECISION_ALLOW,
    EventTag.SIGN_IN_SUCCESS,
    EventTag.SIGN_OUT,
    EventTag.POLICY_LOADED,
}
