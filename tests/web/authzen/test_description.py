"""The OpenAPI document of the operations."""

from collections.abc import Callable

from flask import Flask

from tests.web.authzen.pdp import ON, Pep


def test_the_description_is_valid_and_tells_of_every_operation(
    make_app: Callable[..., Flask],
):
    """Served to whom the policy allows it."""
    # Not above: every process that looks for tests would wait for it.
    from openapi_spec_validator import validate

    pep = Pep(
        make_app(
            "p, role:pep, /authz/access/v1/openapi.json, GET\np, role:admin, /*, *",
            **ON,
        )
    )
    answer = pep("/openapi.json", method="GET", raw=b"")
    document = answer.json
    validate(document)
    assert document["servers"] == [{"url": "/authz/access/v1"}]
    assert sorted(document["paths"]) == [
        "/evaluation",
        "/evaluations",
        "/search/action",
        "/search/resource",
        "/search/subject",
    ]
    assert Pep(pep.app, token="")("/openapi.json", method="GET", raw=b"").status == 401
