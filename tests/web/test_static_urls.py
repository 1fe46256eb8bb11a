"""Addresses of authz's own files: what pages link to is what Flask would build."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, url_for

from authz.web.static_files import static_url

FILES = ("authz.css", "icon.svg")


@pytest.mark.parametrize("root", ["", "/music"])
@pytest.mark.parametrize("prefix", ["/authz", "/who/may-what"])
@pytest.mark.parametrize("more", [{}, {"host_matching": True, "static_host": "h"}])
def test_it_is_the_address_of_the_route(
    make_app: Callable[..., Flask], root: str, prefix: str, more: dict[str, Any]
):
    """Below a mount, under another prefix, and with hosts in the routes."""
    app = make_app(app=Flask("app", **more), AUTHZ_URL_PREFIX=prefix)
    for file in FILES:
        with app.test_request_context(
            "/", base_url=f"http://h{root}", environ_base={"SCRIPT_NAME": root}
        ):
            made = static_url(file)
            version = made.partition("?v=")[2]
            assert version
            assert made == url_for("authz.static", filename=file, v=version)
