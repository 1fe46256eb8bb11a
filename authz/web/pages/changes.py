"""The draft with its effect, what puts it in force, the history and the way back."""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from flask import url_for
from werkzeug.wrappers import Response

from authz.admin import changes as use_cases
from authz.admin import history
from authz.admin.changes import Draft, Preview
from authz.admin.drafts import as_text
from authz.admin.impact import impact_of
from authz.errors import (
    AlreadyThere,
    LastAdmin,
    LockedOut,
    NotFound,
    PolicyError,
    StoreConflict,
    StoreReadOnly,
)
from authz.policy.analysis.by_meaning import by_meaning, says_more
from authz.policy.analysis.impact import Impact
from authz.policy.records import Revision, note_problem
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Crumb
from authz.web.pages.change_lines import draft_lines, text_lines
from authz.web.pages.pagination import asked
from authz.web.pages.previews import Previews

_HISTORY: Final = 20
_OTHER: Final = (
    "The draft was changed in another window since you looked at it. Nothing was "
    "applied; this is the draft now."
)
_MEANWHILE: Final = (
    "Somebody else changed the policy while you looked at this. Nothing was changed; "
    "look again."
)
_NO_NOTE: Final = "Say why. Whoever looks at the history will want to know."


class Changes:
    """The pages about changes."""

    def __init__(self, pages: AdminPages, previews: Previews) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        self._previews = previews
        pages.add("/admin/changes", "changes", self.show)
        pages.add("/admin/changes/apply", "changes_apply", self.apply, post=True)
        pages.add("/admin/changes/<int:number>", "revision", self.revision)
        pages.add(
            "/admin/changes/<int:number>/back", "roll_back", self.roll_back, post=True
        )

    def apply(self) -> Response:
        """Put the draft in force."""
        pages = self._pages
        form = pages.form()
        note = form.get("note", "").strip()
        draft = pages.draft
        if draft is None:
            return pages.go("authz_admin.changes")
        if not note or note_problem(note):
            return self.show(note=note, error=_wrong_note(note))
        if form.get("mark") != _mark(draft):
            return self.show(note=note, failure=_OTHER)
        revision, failure, patch = self._attempt(use_cases.apply, draft, note=note)
        if revision is None:
            return self.show(note=note, failure=failure, patch=patch)
        response = pages.go("authz_admin.changes", "applied", str(revision.number))
        pages.drafts.forget(response)
        return response

    def roll_back(self, number: int) -> Response:
        """Make the rules what they were."""
        pages = self._pages
        form = pages.form()
        note = form.get("note", "").strip()
        if not note or note_problem(note):
            return self.revision(number, note=note, error=_wrong_note(note))
        revision, failure, patch = self._attempt(
            history.roll_back, number, base=form.get("base", ""), note=note
        )
        if revision is None:
            return self.revision(number, note=note, failure=failure, patch=patch)
        return pages.go("authz_admin.changes", "rolled-back", str(number))

    def show(
        self, *, note: str = "", error: str = "", failure: str = "", patch: str = ""
    ) -> Response:
        """Show the draft, and what was changed before."""
        pages = self._pages
        draft = pages.draft
        seen = None
        gone = ""
        if draft is not None:
            try:
                seen = self._previews.of(pages.actor, draft)
            except NotFound as not_found:
                gone = wording.sentence(not_found)
        before = asked("before")
        revisions: tuple[Revision, ...] = ()
        if pages.reach.is_all:
            revisions = pages.revisions(
                _HISTORY + 1,
                int(before) if before.isascii() and before.isdecimal() else None,
            )
        return pages.page(
            "authz/admin/changes.html",
            status=_status(error or failure),
            draft=draft,
            mark=_mark(draft) if draft else "",
            lines=list(draft_lines(draft)) if draft else [],
            seen=seen,
            **_told(self._previews.effect(seen) if seen else None),
            gone=gone,
            patch=patch or (self._patch(draft, seen) if draft and seen else ""),
            note=note,
            error=error,
            failure=failure,
            revisions=revisions[:_HISTORY],
            more=revisions[_HISTORY - 1].number if len(revisions) > _HISTORY else None,
            newest=not before,
        )

    def _patch(self, draft: Draft, seen: Preview) -> str:
        """Return the patch to commit, where changes are made elsewhere."""
        if not self._pages.context.records.read_only or seen.problems:
            return ""
        return self._attempt(use_cases.apply, draft, note="")[2]

    def revision(
        self,
        number: int,
        *,
        note: str = "",
        error: str = "",
        failure: str = "",
        patch: str = "",
    ) -> Response:
        """Show one change, and what it would mean to go back to it."""
        pages = self._pages
        made = history.revision(pages.context, number)
        try:
            difference = history.difference(pages.context, number)
        except PolicyError:
            difference = None  # what is kept now is not even a policy
        # Seen from now: what came since goes, what went comes back.
        back = (
            list(text_lines(difference.removed, difference.added)) if difference else []
        )
        base = pages.context.records.etag()
        return pages.page(
            "authz/admin/revision.html",
            status=_status(error or failure),
            crumbs=[Crumb(label="Changes", url=url_for("authz_admin.changes"))],
            revision=made,
            made=list(text_lines(made.added, made.removed)),
            back=back,
            **_told(
                impact_of(pages.context, difference.after, difference.before)
                if difference and difference.after and difference.before
                else None
            ),
            base=base,
            unreadable=difference is None,
            previous=number - 1 if self._is_kept(number - 1) else None,
            note=note,
            error=error,
            failure=failure,
            patch=patch,
        )

    def _is_kept(self, number: int) -> bool:
        try:
            history.revision(self._pages.context, number)
        except NotFound:
            return False
        return True

    def _attempt(
        self, change: Callable[..., Revision], *what: object, **how: str
    ) -> tuple[Revision | None, str, str]:
        """Return the revision, or why there is none and the patch to commit instead."""
        try:
            return change(self._pages.context, self._pages.actor, *what, **how), "", ""
        except StoreReadOnly as error:
            return None, wording.sentence(error), error.patch
        except StoreConflict:
            return None, _MEANWHILE, ""
        except PolicyError as error:
            return None, wording.sentences(error.problems), ""
        except (LockedOut, LastAdmin, AlreadyThere) as error:
            return None, wording.sentence(error), ""


def _told(effect: Impact | None) -> dict[str, Any]:
    """Return what the pages tell of *effect*."""
    return {
        "effect": effect,
        "groups": by_meaning(effect.differences) if effect else [],
        "says_more": says_more,
    }


def _status(problem: str) -> int:
    return HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK


def _mark(draft: Draft) -> str:
    """Return what tells this draft from every other."""
    return hashlib.sha256(as_text(draft).encode()).hexdigest()[:16]


def _wrong_note(note: str) -> str:
    return wording.sentence(problem) if (problem := note_problem(note)) else _NO_NOTE
