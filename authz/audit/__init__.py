"""What happened, as values that a program and a person can read later."""

from authz.audit.events import AuditEvent as AuditEvent
from authz.audit.events import Clock as Clock
from authz.audit.events import EventTag as EventTag
from authz.audit.events import utc_now as utc_now
from authz.audit.sinks import AuditSink as AuditSink
from authz.audit.sinks import LoggingSink as LoggingSink
from authz.audit.sinks import Tee as Tee
