"""The API is what its description says, because it is made of the same declarations."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from authz.web.api.openapi import errors_of
from authz.web.api.operation import Match
from authz.web.api.resources import OPERATIONS
from tests.web.api.client import DOCUMENT, PREFIX, Api


def test_it_is_openapi():
    """Tools can read it."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_it_is_served(api: Api, bobs: Api):
    """To whom the policy allows it."""
    assert api.get("/openapi.json") == DOCUMENT
    assert bobs("GET", "/openapi.json").status == 403


def test_every_operation_has_its_route(app: Flask):
    """Nothing is declared that is not served, and nothing served that is not."""
    served = {
        (method, rule.rule.removeprefix(PREFIX))
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("authz_api.")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert served == {(o.method, o.path) for o in OPERATIONS} | {
        ("GET", "/openapi.json")
    }
    assert len({o.id for o in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: o.id)
def test_what_may_change_something(operation: object):
    """A change asks for `If-Match`, or cannot overwrite anything; reading does not."""
    if operation.method == "GET":
        assert operation.body is None
        assert operation.match is Match.NONE
    elif operation.path.startswith(("/rules", "/grants", "/changes", "/revisions")):
        assert operation.match is not Match.NONE
        assert {412, 428} <= set(errors_of(operation))
    if operation.body is not None:
        assert operation.body["additionalProperties"] is False


@pytest.mark.slow
@pytest.mark.hypothesis
def test_random_requests(api: Api, app: Flask):
    """Whatever is generated from the description is answered as it says."""
    # Not above: every process that looks for tests would wait a second for it.
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    promised = [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
        checks.negative_data_rejection,
        checks.missing_required_header,
    ]
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.app = app
    cookie = "; ".join(f"{k}={v}" for k, v in api.client.cookies.items())
    seen: set[str] = set()

    def asking(operation: object, match: Match) -> Callable[[st.DataObject], None]:
        def ask(data: st.DataObject) -> None:
            mode = data.draw(st.sampled_from(list(schemathesis.GenerationMode)))
            case = data.draw(operation.as_strategy(generation_mode=mode))
            headers = {"Cookie": cookie, "Host": "app.test"}
            if match is not Match.NONE and mode.is_positive:
                headers["If-Match"] = "*" if match is Match.ANY else f'"{api.etag}"'
            case.validate_response(case.call(headers=headers), checks=promised)
            seen.add(operation.definition.raw["operationId"])

        return ask

    for found in schema.get_all_operations():
        operation = found.ok()
        name = operation.definition.raw["operationId"]
        match = next(o.match for o in OPERATIONS if o.id == name)
        bounded = settings(
            # For each operation; to make one takes ten times as long as to answer it.
            max_examples=settings().max_examples // 12,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        bounded(given(st.data())(asking(operation, match)))()

    assert seen == {o.id for o in OPERATIONS}
    assert api("GET", "/rules").status == 200
    assert json.loads(api("GET", "/policy").text)["problem"] is None
