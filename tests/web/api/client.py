"""A client of the admin API that sends exactly what it is told."""

import json
from dataclasses import dataclass, field
from typing import Any

from authz.web.api.openapi import document_of, errors_of
from authz.web.api.problems import SCHEMA as PROBLEM
from authz.web.api.resources import OPERATIONS
from authz.web.api.schema import faults
from tests.web.apps import Answer, Client, sent

PREFIX = "/authz/api/v1"
DOCUMENT = document_of(OPERATIONS, prefix=PREFIX)


@dataclass
class Api:
    """Calls the API as somebody who is signed in; checks each answer's form."""

    client: Client
    #: Headers of every request, as environ names without `HTTP_`.
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        match: str | None = None,
        environ: dict[str, Any] | None = None,
    ) -> Answer:
        """Send one request. *body* is sent as JSON, *raw* as it is."""
        env: dict[str, Any] = dict(environ or {})
        headers = dict(self.headers)
        if body is not None:
            raw = json.dumps(body).encode()
        if raw is not None:
            env = sent(raw) | env
        if match is not None:
            headers["IF_MATCH"] = match if match in {"*", ""} else f'"{match}"'
        answer = self.client(method, PREFIX + path, environ=env, **headers)
        check_form(method, path, answer)
        return answer

    def get(self, path: str) -> Any:
        """Return the document at *path*."""
        answer = self("GET", path)
        assert answer.status == 200, answer.text
        return answer.json

    @property
    def etag(self) -> str:
        """The etag of the policy now."""
        return etag(self("GET", "/policy"))


def etag(answer: Answer) -> str:
    """Return the etag that *answer* carries."""
    return answer.headers["ETag"].strip('"')


def problem(answer: Answer) -> str:
    """Return the stable word of the problem that *answer* is."""
    return answer.json["type"].removeprefix("urn:authz:problem:")


def check_form(method: str, path: str, answer: Answer) -> None:
    """Check that *answer* is one that the API's description allows."""
    found = [o for o in OPERATIONS if o.method == method and _serves(o.path, path)]
    if not found:
        return
    # As the router does: what is spelled out comes before what may be anything.
    operation = min(found, key=lambda o: o.path.count("<"))
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    if answer.status in operation.answers:
        schema = operation.answers[answer.status]
        assert ("ETag" in answer.headers) == operation.has_etag
        if answer.headers.get("Content-Type") == "application/json":
            assert schema is not None
            assert faults(schema, answer.json) == ()
        elif answer.text:
            kind = answer.headers["Content-Type"].partition(";")[0]
            assert kind in {t.partition(";")[0] for t in operation.other_types}
    else:
        assert answer.status in errors_of(operation), (answer.status, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert faults(PROBLEM, answer.json) == ()


def _serves(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.partition("?")[0].split("/")
    if wanted[-1].startswith("<path:"):
        given = [*given[: len(wanted) - 1], "x"] if len(given) >= len(wanted) else []
    return len(wanted) == len(given) and all(
        part.startswith("<") or part == have
        for part, have in zip(wanted, given, strict=True)
    )
