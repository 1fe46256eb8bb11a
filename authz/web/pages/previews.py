"""Previews of drafts with their effect; each is worked out once."""

from typing import Final

from authz.admin.changes import Draft, Preview, preview
from authz.admin.memory import Memory
from authz.admin.office import Actor, Office
from authz.web.pages.effects import Effect, effect_of
from authz.web.pages.sentences import draft_lines

#: A preview of a big policy holds two of them.
_KEPT: Final = 2


class Previews:
    """The previews that are being looked at in one app."""

    def __init__(self, office: Office) -> None:
        """Preview changes in *office*."""
        self._office = office
        self._previews: Memory[Preview] = Memory(_KEPT)
        self._effects: Memory[Effect | None] = Memory(_KEPT)

    def of(self, actor: Actor, draft: Draft) -> Preview:
        """Return what *draft* would do; raises as `preview` does."""
        return self._previews.get(
            self._key(actor, draft), lambda: preview(self._office, actor, draft)
        )

    def effect(self, actor: Actor, draft: Draft) -> Effect | None:
        """Return what *draft* changes for whom, or None if it cannot be in force."""

        def find() -> Effect | None:
            seen = self.of(actor, draft)
            routes = self._office.routes()
            return effect_of(seen.before, seen.after, draft_lines(draft), routes)

        return self._effects.get(self._key(actor, draft), find)

    def _key(self, actor: Actor, draft: Draft) -> tuple[object, ...]:
        """Return all that a preview depends on."""
        office = self._office
        state = office.records.snapshot().etag
        return state, office.policy.revision, actor.subject, draft
