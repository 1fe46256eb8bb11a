"""Where events go."""

import logging
from typing import Final, Protocol

from authz.audit.events import CHANGES, AuditEvent, EventTag


class AuditSink(Protocol):
    """Where events go."""

    def record(self, event: AuditEvent) -> None:
        """Keep *event*.

        Raises:
            AuditFailure: if *event* is one of `CHANGES` and cannot be kept. For any
                other event nothing is raised: a decision stands without its record.
        """
        ...


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
        level = logging.INFO if event.tag in _QUIET else logging.WARNING
        if self._logger.isEnabledFor(level):
            self._logger.log(level, "%s", event.as_json())


_QUIET: Final = CHANGES | {
    EventTag.DECISION_ALLOW,
    EventTag.SIGN_IN_SUCCESS,
    EventTag.SIGN_OUT,
    EventTag.POLICY_LOADED,
}
