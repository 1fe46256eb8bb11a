"""Puts the admin pages of one app together."""

from collections.abc import Container

from flask import Flask

from authz.admin.context import AdminContext
from authz.web.hook import Hook
from authz.web.pages.account import AccountPage
from authz.web.pages.audit import Audit
from authz.web.pages.base import AdminPages
from authz.web.pages.changes import Changes
from authz.web.pages.drafts import Drafts
from authz.web.pages.matrix import Matrix
from authz.web.pages.overview import Overview
from authz.web.pages.own_sessions import OwnSessions
from authz.web.pages.own_tokens import OwnTokens
from authz.web.pages.people import People
from authz.web.pages.person import PersonPages
from authz.web.pages.previews import Previews
from authz.web.pages.roles import RoleBook, Roles
from authz.web.pages.routes import Routes, RouteTable
from authz.web.pages.rule_form import RuleForm
from authz.web.pages.rules import Rules
from authz.web.pages.several import Several
from authz.web.pages.tester import Tester
from authz.web.pages.theme import choose_theme
from authz.web.pages.tokens import Tokens
from authz.web.pages.warmup import Warmup


def admin_pages(
    app: Flask, context: AdminContext, hook: Hook, public_endpoints: Container[str]
) -> AdminPages:
    """Return the admin pages of *app*; their blueprint is not registered yet."""
    pages = AdminPages(app, context.runtime, hook, context, public_endpoints)
    table = RouteTable(pages)
    book = RoleBook(context)
    previews = Previews(context)
    matrix = Matrix(pages, previews, table)
    ahead = Warmup(pages, table, book, matrix)
    context.runtime.following.do_after(ahead.prepare)
    Overview(pages, table, book)
    People(pages, book)
    Several(pages, book)
    PersonPages(pages, book)
    Roles(pages, book)
    Tokens(pages, book)
    Rules(pages)
    RuleForm(pages)
    Routes(pages, table)
    Tester(pages, previews)
    Drafts(pages)
    Changes(pages, previews)
    Audit(pages)
    account = AccountPage(pages)
    OwnSessions(pages)
    OwnTokens(pages, account)
    pages.add("/theme", "theme", choose_theme, post=True)
    return pages
