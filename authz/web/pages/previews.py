"""Previews of drafts with their effect; each is worked out once."""

from typing import Final

from authz.admin.changes import Draft, Preview, preview
from authz.admin.context import Actor, AdminContext
from authz.admin.impact import effect_of
from authz.admin.latest_cache import LatestCache
from authz.policy.analysis.impact import Impact

#: A preview of a big policy holds two of them.
_KEPT: Final = 2


class Previews:
    """The previews that are being looked at in one app."""

    def __init__(self, context: AdminContext) -> None:
        """Preview changes in *context*."""
        self._context = context
        self._previews: LatestCache[Preview] = LatestCache(_KEPT)
        self._effects: LatestCache[Impact | None] = LatestCache(_KEPT)

    def of(self, actor: Actor, draft: Draft) -> Preview:
        """Return what *draft* would do; raises as `preview` does."""
        context = self._context
        state = context.records.snapshot().etag
        return self._previews.get(
            (state, context.policy.revision, actor.subject, draft),
            lambda: preview(context, actor, draft),
        )

    def effect(self, seen: Preview) -> Impact | None:
        """Return what *seen* changes for whom, or None if it cannot be in force."""
        return self._effects.get(seen, lambda: effect_of(self._context, seen))
