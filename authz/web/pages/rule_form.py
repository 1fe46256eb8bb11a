"""One rule as a form: for a new one, and for changing one that is there."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flask import request, url_for
from werkzeug.wrappers import Response

from authz.admin import rules as use_cases
from authz.errors import PolicyError, StoreConflict
from authz.policy.csv_rows import Row
from authz.policy.patterns import USUAL_METHODS
from authz.policy.records import Add, Change, Replace, note_problem
from authz.policy.written_rule import WrittenRule
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Crumb
from authz.web.pages.draft_cookie import DraftTooLong
from authz.web.pages.pagination import asked

#: The first of the fields of the form that make one field of a rule.
_FIRST: Final = {"methods": "methods-any", "effect": "effect-allow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed(WrittenRule):
    """What the form holds."""

    note: str = ""


class RuleForm:
    """The pages with the form."""

    def __init__(self, pages: AdminPages) -> None:
        """Add the pages to *pages*."""
        self._pages = pages
        pages.add("/admin/rules/new", "rule_new", self.new)
        pages.add("/admin/rules/new", "rule_add", self.add, post=True)
        pages.add("/admin/rules/edit", "rule_edit", self.edit)
        pages.add("/admin/rules/edit", "rule_replace", self.replace, post=True)

    def new(self) -> Response:
        """Show the empty form, or what a link fills in."""
        given = request.args
        methods = _offered(given.getlist("method"))
        typed = Typed.of(
            {name: asked(name) for name in given},
            scope=self._pages.asked_scope(),
            methods=methods or ("GET",),
            effect="deny" if given.get("effect") == "deny" else "allow",
        )
        return self._form(typed)

    def edit(self) -> Response:
        """Show the form with a rule that is there."""
        rule, _ = use_cases.find_rule(self._pages.context, asked("id"))
        typed = Typed.of(rule.document, note=rule.entry.note)
        return self._form(typed, id=rule.id)

    def add(self) -> Response:
        """Put a new rule into the draft."""
        return self._keep(self._typed())

    def replace(self) -> Response:
        """Put a changed rule into the draft."""
        typed = self._typed()
        id = request.form.get("id", "")  # noqa: A001 - the field's name
        rule, _ = use_cases.find_rule(self._pages.context, id)
        return self._keep(typed, rule.id)

    def _keep(self, typed: Typed, id: str = "") -> Response:  # noqa: A002
        """Put what was *typed* into the draft: a new rule, or in the place of *id*."""
        pages, note = self._pages, typed.note
        row, errors = _row(typed, pages.context.columns)
        if row is None:
            return self._form(typed, errors=errors, id=id)
        change: Change = Add(row=row, note=note)
        if id:
            change = Replace(id=id, row=row, note=note)
        try:
            draft = pages.drafts.amended(pages.draft, change)
            response = pages.go("authz_admin.changes", "draft-changed")
            return pages.keep_draft(response, draft)
        except DraftTooLong as error:
            errors = {"": wording.sentence(error)}
            return self._form(typed, errors=errors, id=id)
        except StoreConflict:
            return pages.go("authz_admin.changes")

    def _typed(self) -> Typed:
        form = self._pages.form()
        methods = _offered(form.getlist("methods"))
        return Typed.of(
            {name: text.strip() for name, text in form.items()},
            methods=("*",) if "*" in methods else methods,
            effect=form.get("effect", ""),
        )

    def _form(
        self,
        typed: Typed,
        *,
        errors: Mapping[str, str] | None = None,
        id: str = "",  # noqa: A002 - the field's name
    ) -> Response:
        pages = self._pages
        return pages.page(
            "authz/admin/rule_form.html",
            crumbs=[Crumb(label="Rules", url=url_for("authz_admin.rules"))],
            typed=typed,
            errors=errors,
            id=id,
            methods=USUAL_METHODS,
            offered=pages.names(),
        )


def address_of_same(rule: WrittenRule) -> str:
    """Return the address of the form for a new rule, filled in as *rule* is."""
    said = {
        "method" if name == "methods" else name: v for name, v in rule.document.items()
    }
    return url_for("authz_admin.rule_new", **{name: v for name, v in said.items() if v})


def _offered(methods: Iterable[str]) -> tuple[str, ...]:
    return tuple(m for m in methods if m in {*USUAL_METHODS, "*"})


def _row(typed: Typed, columns: Sequence[str]) -> tuple[Row | None, dict[str, str]]:
    """Return the row of the rule, or what is wrong with each field."""
    problems = {**typed.problems(columns), "note": note_problem(typed.note)}
    errors = {
        _FIRST.get(field, field): wording.sentence(problem)
        for field, problem in problems.items()
        if problem
    }
    if errors:
        return None, errors
    try:
        return typed.row(columns), {}
    except PolicyError as error:
        return None, {"": wording.sentences(error.problems)}
