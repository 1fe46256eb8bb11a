"""Addresses of authz itself, below its prefix, as far as policies must know them."""

from typing import Final

#: What a stranger needs who is to become somebody. Declared public, so it needs no
#: rule; a rule that denies it stands in the way.
WAY_IN: Final = (("GET", "/sign-in"), ("POST", "/sign-in"))
#: What it takes to see the rules and to change them: in the pages, or with the API.
PAGES: Final = (
    ("GET", "/admin/rules"),
    ("GET", "/admin/rules/new"),
    ("POST", "/admin/rules/new"),
    ("POST", "/admin/changes/draft/remove"),
    ("GET", "/admin/changes"),
    ("POST", "/admin/changes/apply"),
)
API: Final = (("GET", "/api/v1/rules"), ("POST", "/api/v1/changes"))
#: What machines and browsers ask for before anybody signed in.
HEALTH: Final = (("GET", "/healthz"), ("GET", "/readyz"))
ASSETS: Final = (("GET", "/static/authz.css"),)
#: Where only administrators go.
AREAS: Final = ("/admin", "/api")
#: The description of the API, which says nothing about the app.
OPENAPI: Final = "/api/v1/openapi.json"
