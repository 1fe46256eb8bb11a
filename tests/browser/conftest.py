"""A guarded app that really serves, and Debian's Chromium to look at it with."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect, sync_playwright

from authz.extension import get_authz
from examples.demo.app import create_app
from tests.served_app import served
from tests.web.apps import ALICE, BOB, CHEAP_ALICE, CHEAP_BOB

ROOT = Path(__file__).parents[2]
#: Milliseconds until something on a page is said not to come: a busy machine's time.
PATIENCE = 120_000
expect.set_options(timeout=PATIENCE)
#: A browser may leave in the middle of a file; then Werkzeug's server closes it late.
MARKS = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <_io.FileIO name='[^']*/static/"
        ":pytest.PytestUnraisableExceptionWarning"
    ),
]
#: Chromium without its windows: a page takes half the work.
CHROMIUM = "/usr/bin/chromium-headless-shell"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True, slots=True)
class Site:
    """The demo, served on a port of its own."""

    url: str
    app: Flask


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[Site]:
    """Serve the demo with its own policy, people and log below *folder*."""
    shutil.copy(ROOT / "policy.csv", folder / "policy.csv")
    settings = {
        "AUTHZ_ADMIN": "alice",
        "AUTHZ_ADMIN_PASSWORD": CHEAP_ALICE,
        "AUTHZ_USER": "bob",
        "AUTHZ_USER_PASSWORD": CHEAP_BOB,
        "AUTHZ_CONTACT": "alice",
        "AUTHZ_STORE": f"sqlite:///{folder}/authz.db",
        "AUTHZ_POLICY_SEED": str(folder / "policy.csv"),
        "AUTHZ_AUDIT_FILE": str(folder / "audit.jsonl"),
        **more,
    }
    before = dict(os.environ)
    os.environ.update(settings)
    try:
        app = create_app()
    finally:
        os.environ.clear()
        os.environ.update(before)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        with served(app) as url:
            yield Site(url=url, app=app)
    finally:
        get_authz(app).runtime.poller.close()


@pytest.fixture(name="site")
def _site(tmp_path: Path) -> Iterator[Site]:
    with serving(tmp_path) as site:
        yield site


@pytest.fixture(name="chromium", scope="module")
def _chromium() -> Iterator[Browser]:
    # Not for longer: while it runs, its event loop is in everybody's way.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(name="visit")
def _visit(chromium: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Open a window of its own; nothing may be wrong with its pages."""
    wrong: list[str] = []

    def visit(
        name: str = "alice",
        *,
        scripts: bool = True,
        width: int = 1280,
    ) -> Page:
        context = chromium.new_context(
            base_url=site.url,
            java_script_enabled=scripts,
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda m: wrong.append(m.text) if _is_ours(m.text) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto("/authz/sign-in")
        page.fill("#username", name)
        page.fill("#password", {"alice": ALICE, "bob": BOB}[name])
        page.click("main button")
        return page

    yield visit
    for context in chromium.contexts:
        context.close()
    assert wrong == []


def _is_ours(message: str) -> bool:
    """Whether a message in the console is about a page, not an expected answer."""
    return "the server responded with a status of 4" not in message
