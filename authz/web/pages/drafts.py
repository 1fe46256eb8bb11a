"""What can be done with a draft, one button each. Nothing of it is in force."""

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from authz.admin import drafts as use_cases
from authz.admin.changes import Draft
from authz.admin.reach import refuse_row
from authz.admin.rules import grant_row
from authz.errors import BeyondReach, NotFound, PolicyError, StoreConflict
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Change, Remove, Switch
from authz.policy.written_rule import WrittenRule
from authz.web.next_page import safe_next
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Refused
from authz.web.pages.draft_cookie import DraftTooLong


class Drafts:
    """The forms that change the visitor's draft."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the forms to *pages*."""
        self._pages = pages
        for name, view in (
            ("remove", self.remove),
            ("switch", self.switch),
            ("toggle", self.toggle),
            ("give", self.give),
            ("take-out", self.take_out),
            ("rebase", self.rebase),
            ("discard", self.discard),
        ):
            endpoint = f"draft_{name.replace('-', '_')}"
            pages.add(f"/admin/changes/draft/{name}", endpoint, view, post=True)

    def remove(self) -> Response:
        """Take a rule or grant away."""
        form = self._pages.form()
        return self._amend(form, Remove(id=form.get("id", "")))

    def switch(self) -> Response:
        """Disable a rule or grant, or enable it again."""
        form = self._pages.form()
        disabled = form.get("disabled") == "yes"
        return self._amend(form, Switch(id=form.get("id", ""), disabled=disabled))

    def toggle(self) -> Response:
        """Add the rule that a cell of the matrix stands for, or take it away."""
        form = self._pages.form()
        row = self._sound_rule(form)
        return self._amend(form, *self._toggled(row))

    def give(self) -> Response:
        """Give somebody a role."""
        form = self._pages.form()
        try:
            row = grant_row(
                member=form.get("member", "").strip(),
                role=form.get("role", "").strip(),
                scope=form.get("scope", "").strip(),
                columns=self._pages.context.columns,
            )
            refuse_row(self._pages.context, self._pages.actor, row)
        except PolicyError as error:
            raise _refused(error) from error
        except BeyondReach as error:
            raise Refused(wording.sentence(error)) from error
        return self._amend(form, Add(row=row))

    def take_out(self) -> Response:
        """Take one change out of the draft."""
        form = self._pages.form()
        index = form.get("index", "")
        draft = self._pages.draft
        if draft is None or not index.isascii() or not index.isdecimal():
            raise NotFound("the draft has no such change", "look at it again")
        return self._kept(form, use_cases.without(draft, int(index)))

    def rebase(self) -> Response:
        """Build the draft on the newest state."""
        form = self._pages.form()
        draft = self._pages.draft
        if draft is None:
            return self._pages.go("authz_admin.changes")
        rebased, lost = use_cases.rebased(self._pages.context, draft)
        said = "draft-rebased-less" if lost else "draft-rebased"
        return self._kept(form, rebased, said, str(len(lost)))

    def discard(self) -> Response:
        """Discard the draft."""
        self._pages.form()
        response = self._pages.go("authz_admin.changes", "draft-discarded")
        self._pages.drafts.forget(response)
        return response

    def _toggled(self, row: Row) -> list[Change]:
        """Return what adds *row*, or takes it away if it is there."""
        entries = self._pages.context.records.snapshot().entries
        for entry in entries:
            if entry.row.kind == row.kind and entry.row.fields == row.fields:
                return [Remove(id=entry.id)]
        return [Add(row=row)]

    def _sound_rule(self, form: MultiDict[str, str]) -> Row:
        try:
            return WrittenRule.of(
                form,
                methods=tuple(form.get("methods", "").split("|")),
                effect="allow",
            ).row(self._pages.context.columns)
        except PolicyError as error:
            raise _refused(error) from error

    def _amend(self, form: MultiDict[str, str], *changes: Change) -> Response:
        pages = self._pages
        try:
            return self._kept(form, pages.drafts.toggled(pages.draft, *changes))
        except StoreConflict:
            return pages.go("authz_admin.changes")

    def _kept(
        self,
        form: MultiDict[str, str],
        draft: Draft,
        said: str = "draft-changed",
        word: str = "",
    ) -> Response:
        pages = self._pages
        back = safe_next(form.get("next"))
        response = (
            pages.go_to(back, said, word)
            if back
            else pages.go("authz_admin.changes", said, word)
        )
        try:
            return pages.keep_draft(response, draft)
        except DraftTooLong as error:
            raise Refused(wording.sentence(error)) from error


def _refused(error: PolicyError) -> Refused:
    return Refused(wording.sentences(error.problems))
