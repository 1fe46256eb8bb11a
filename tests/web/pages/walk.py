"""Walks through the admin pages as a browser without JavaScript does."""

import re
from html import unescape

from tests.web.apps import Answer, Client

_FORM = re.compile(r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)"')


def hidden(text: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the first form on a page that goes to *action*."""
    for path, body in _FORM.findall(text):
        if unescape(path) == action:
            return {unescape(k): unescape(v) for k, v in _HIDDEN.findall(body)}
    raise AssertionError(f"no form goes to {action}")


def send(client: Client, page: str, action: str, **fields: str) -> Answer:
    """Open *page*, fill in the form that goes to *action*, send it, and follow on."""
    form = hidden(client(path=page).text, action) | fields
    answer = client("POST", action, form=form)
    if answer.status == 303:
        return client(path=answer.headers["Location"])
    return answer


def draft_rule(client: Client, subject: str, path: str, **more: str) -> Answer:
    """Put a rule into the draft, with the form for a new one."""
    fields = {"subject": subject, "path": path, "methods": "GET", "effect": "allow"}
    return send(
        client, "/authz/admin/rules/new", "/authz/admin/rules/new", **fields | more
    )


def apply(client: Client, note: str) -> Answer:
    """Apply the draft."""
    return send(client, "/authz/admin/changes", "/authz/admin/changes/apply", note=note)
