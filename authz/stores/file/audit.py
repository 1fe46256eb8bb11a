"""The audit log as a file of chained lines, shared by every process of one machine.

A change is written, and forced to the disk, before it takes effect. Decisions are
written in the background: a request does not wait for the disk. If more happens than
can be written, decisions are dropped and counted, never changes.

One lock beside the file lets one writer in at a time, so there is one chain. It is a
`flock`: all writers must be on one machine, or on a file system that passes it on.
"""

import atexit
import contextlib
import logging
import os
import threading
import time
from collections import deque
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from authz.audit import AuditEvent, Clock, utc_now
from authz.errors import AuditFailure
from authz.stores.file.audit_end import AuditEnd
from authz.stores.file.audit_flood import BURST, RATE, WAITING, Bucket
from authz.stores.file.lock import locked

_log: Final = logging.getLogger("authz")

#: Seconds between two times that events are written which wait for each other.
_PAUSE: Final = 0.05
#: Seconds between two complaints about the same thing.
_QUIET: Final = 60.0


class AuditFile:
    """A sink that appends to one file, and turns to a new one when it is full."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        kept: int,
        sync_all: bool = False,
        clock: Clock = utc_now,
    ) -> None:
        """Append to *path*. Full files are beside it, with a number behind the name.

        A file of *max_bytes* is full, and so many full ones are *kept*. *sync_all* says
        that decisions, too, are forced to the disk; *clock* tells the time of events
        about the log itself.
        """
        self.path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._sync_all = sync_all
        self._clock = clock
        # One for each process: neither a lock nor a thread survives a fork.
        self._writers: dict[int, _Writer] = {}
        #: Events that were dropped, and of which the log does not know yet.
        self.dropped = 0
        #: Events that were dropped, all in all.
        self.lost = 0
        self._complained = 0.0
        self._bucket = Bucket(RATE, BURST)

    def open(self) -> None:
        """Make sure that the log can be continued.

        Raises:
            AuditFailure: if it cannot be written, or its end is no record.
        """
        self._append(self._writer, [], sync=True)

    def record(self, event: AuditEvent) -> None:
        """Keep *event*: at once if it is a change, else in the background.

        Raises:
            AuditFailure: if it is a change and cannot be written.
        """
        writer = self._writer
        if event.is_change:
            self._append(writer, [event], sync=True)
        elif self._bucket.take() and len(writer.waiting) < WAITING:
            writer.put(event)
        else:
            self.drop(1)

    def close(self) -> None:
        """Write what waits, and stop."""
        writer = self._writers.pop(os.getpid(), None)
        if writer is not None:
            writer.stop()

    @property
    def _writer(self) -> "_Writer":
        writer = self._writers.get(os.getpid())
        if writer is None:
            writer = self._writers.setdefault(os.getpid(), _Writer(self))
        return writer

    def write_waiting(self, writer: "_Writer") -> None:
        """Write what waits; complain if that fails."""
        try:
            self._append(writer, [], sync=self._sync_all)
        except AuditFailure as error:
            if time.monotonic() - self._complained > _QUIET:
                self._complained = time.monotonic()
                _log.error("%s; %s events are lost so far", error, self.dropped)

    def _append(
        self, writer: "_Writer", events: list[AuditEvent], *, sync: bool
    ) -> None:
        """Write what waits and then *events* behind what is there, all or none."""
        with writer.lock:
            waiting = writer.taken()
            dropped = self.dropped if waiting or events else 0
            noted = [AuditEvent.of_dropped(dropped, self._clock())] if dropped else []
            try:
                with locked(self.path):
                    writer.end.append([*noted, *waiting, *events], sync=sync)
            except (OSError, AuditFailure) as error:
                self.drop(len(waiting))
                if isinstance(error, AuditFailure):
                    raise
                raise AuditFailure(
                    f"{self.path}: the audit log cannot be written ({error.strerror}): "
                    "make room, or check AUTHZ_AUDIT_FILE and who may write there"
                ) from error
            self.dropped -= dropped

    def drop(self, count: int) -> None:
        """Count *count* events as lost; the next record tells of them."""
        self.dropped += count
        self.lost += count

    def new_end(self) -> AuditEnd:
        """Return what appends in this process."""
        return AuditEnd(
            self.path, max_bytes=self._max_bytes, kept=self._kept, clock=self._clock
        )


class _Writer:
    """What one process writes with: a lock, what waits, and a thread that writes it."""

    def __init__(self, file: AuditFile) -> None:
        self.lock = threading.Lock()
        self.waiting: deque[AuditEvent] = deque()
        self.end = file.new_end()
        self._file = file
        # Neither takes a lock that a thread could hold while it writes.
        self._bell: SimpleQueue[bool] = SimpleQueue()
        #: Whether the thread will look at what waits, whoever rings.
        self._rung = False
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, event: AuditEvent) -> None:
        """Have *event* written soon."""
        self.waiting.append(event)
        if not self._rung:
            self._rung = True
            self._bell.put(True)  # noqa: FBT003 - go on
        if self._thread is None:
            self._start()

    def taken(self) -> list[AuditEvent]:
        """Return what waits, to be written by who asks."""
        events: list[AuditEvent] = []
        with contextlib.suppress(IndexError):
            while True:
                events.append(self.waiting.popleft())
        return events

    def stop(self) -> None:
        """End the thread, and write what it has left."""
        self._stopped.set()
        self._bell.put(False)  # noqa: FBT003 - the end
        if self._thread is not None:
            self._thread.join()
        while self.waiting:
            self._file.write_waiting(self)

    def _start(self) -> None:
        with self.lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="authz-audit", daemon=True
                )
                self._thread.start()
                atexit.register(self._file.close)

    def _run(self) -> None:
        while self._bell.get():
            # Before it looks: who comes after this rings again.
            self._rung = False
            if self.waiting:
                self._file.write_waiting(self)
                # The first event is written at once; a flood together, so that it
                # does not take a turn from the requests for each of them.
                self._stopped.wait(_PAUSE)
