"""Puts the admin pages of one app together."""

from collections.abc import Container

from flask import Flask

from authz.runtime import Runtime
from authz.web.hook import Hook
from authz.web.pages.account import AccountPage
from authz.web.pages.frame import AdminPages
from authz.web.pages.overview import Overview
from authz.web.pages.routes import Routes, RouteTable
from authz.web.pages.tester import Tester
from authz.web.pages.theme import choose_theme


def admin_pages(
    app: Flask, runtime: Runtime, hook: Hook, public_endpoints: Container[str]
) -> AdminPages:
    """Return the admin pages of *app*; their blueprint is not registered yet."""
    pages = AdminPages(app, runtime, hook, public_endpoints)
    table = RouteTable(pages)
    Overview(pages, table)
    Routes(pages, table)
    Tester(pages)
    AccountPage(pages)
    pages.add("/theme", "theme", choose_theme, post=True)
    return pages
