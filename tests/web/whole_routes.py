"""The addresses of authz that are about the whole app, and not about one scope."""

from collections.abc import Iterator

from flask import Flask

from authz.web.own_scopes import REACHING


def whole_routes(app: Flask, *prefixes: str) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route of *app* that answers for no single scope.

    Its endpoint begins with one of *prefixes*. Left out is what everybody who signed in
    has: their account, the description of the API and the choice of colours.
    """
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith(prefixes) or "/account" in rule.rule:
            continue
        if rule.endpoint in {*REACHING, "authz_api.openapi", "authz_admin.theme"}:
            continue
        path = rule.rule
        for argument in rule.arguments:
            path = path.replace(f"<{argument}>", "1").replace(f"<int:{argument}>", "1")
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            yield method, path
