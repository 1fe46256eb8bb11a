"""Which processes serve an app, and which policy each of them has in force."""

import os
import socket
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Replica:
    """One process, as it said itself."""

    #: Host and process id, `music-1:4711`.
    name: str
    #: The number of the policy's revision in the store; 0 where it does not count.
    number: int
    #: What the store calls the state that it serves; see `served`.
    revision: str
    #: Why it serves another policy than the store holds; empty if it does not.
    problem: str
    started: datetime
    seen: datetime

    @property
    def host(self) -> str:
        """The host or container it runs on."""
        return self.name.rpartition(":")[0] or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a process serves."""

    number: int
    revision: str
    problem: str

    def is_as(self, replica: Replica) -> bool:
        """Return whether *replica* serves the same, and what the store holds."""
        if replica.problem:
            return False
        if self.number:
            return self.number == replica.number
        return self.revision == replica.revision


def this_process() -> str:
    """Return the name of this process."""
    return f"{socket.gethostname()}:{os.getpid()}"
