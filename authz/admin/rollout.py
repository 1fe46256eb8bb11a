"""Whether every process that shares a store serves the newest policy by now."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from authz.admin.context import AdminContext
from authz.policy.records import Revision
from authz.stores.replicas import Replica

#: Who serves says so every ten seconds; who has not for so long does not serve.
_LATELY: Final = timedelta(seconds=25)
_PAUSE: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """The processes that serve, once all are in step or nobody waits any longer."""

    ready: tuple[Replica, ...]
    #: Those that do not serve the revision.
    behind: tuple[Replica, ...]
    #: How long was waited.
    seconds: float


def wait_for_rollout(
    context: AdminContext,
    revision: Revision,
    *,
    within: float,
    sleep: Callable[[float], object] = time.sleep,
) -> Rollout:
    """Wait until each process that serves has *revision* in force, or a newer one.

    Without a database processes do not tell what they serve, and there are none.

    Args:
        context: Where the revision was applied.
        revision: The revision.
        within: How long to wait, in seconds.
        sleep: Waits.

    Raises:
        StoreError: if the store cannot be read.
    """
    begun = time.monotonic()
    while True:
        serving = tuple(_serving(context))
        behind = tuple(r for r in serving if not _has(context, r, revision))
        waited = time.monotonic() - begun
        if not behind or waited >= within:
            ready = tuple(r for r in serving if r not in behind)
            return Rollout(ready=ready, behind=behind, seconds=waited)
        sleep(min(_PAUSE, within - waited))


def _serving(context: AdminContext) -> Iterator[Replica]:
    now = context.runtime.clock()
    for replica in context.runtime.replicas:
        if now - replica.seen <= _LATELY:
            yield replica


def _has(context: AdminContext, replica: Replica, revision: Revision) -> bool:
    if replica.problem:
        return False
    if context.settings.store.holds_rules:
        return replica.number >= revision.number
    # The rules are in a file that they watch; its etag begins with what they saw.
    return revision.etag.startswith(replica.revision)
