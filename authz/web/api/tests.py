"""`/policy-tests`: what people expect of the policy, held against it."""

from typing import Any, Final

from authz.admin.decisions import policy_for
from authz.policy.analysis.tests_file import read_tests
from authz.policy.analysis.tests_run import Outcome, TestResult, run_tests
from authz.scope import ANY_SCOPE
from authz.web.api.changes import CHANGES, draft_of
from authz.web.api.operation import KILOBYTE, Call, Operation, Reply
from authz.web.api.schema import array, flag, number, record, text

_SURPRISE: Final = record(
    {
        "method": text("The method."),
        "path": text("The path, or the route.", most=4096),
        "who": text("Who asks there, if the test names nobody.", most=4096),
        "why": text("What the policy said instead.", most=4096),
    }
)
_TEST: Final = record(
    {
        "name": text("What the test is called.", most=4096),
        "line": number("Where it stands in the file."),
        "passed": flag("Whether all it expects holds."),
        "failures": array(
            record(
                {
                    "expected": text("Who and what.", most=4096),
                    "allowed": flag("Whether it should be allowed."),
                    "line": number("Where it stands in the file."),
                    "surprises": array(_SURPRISE, "Where it does not hold."),
                    "not_proven": text(
                        "Why it is open whether it holds of every path; empty if it is "
                        "not.",
                        most=4096,
                    ),
                }
            ),
            "What does not hold.",
        ),
    }
)
_RESULTS: Final = record(
    {
        "passed": flag("Whether every test passed."),
        "revision": text("The revision of the policy that was tested."),
        "tests": array(_TEST, "Every test."),
    }
)
_SHOWN: Final = 20


def _run(call: Call) -> Reply:
    file = read_tests(call.body["content"].encode(), source="the tests")
    draft = draft_of(call) if "changes" in call.body else None
    policy = policy_for(call.context, call.actor, draft)
    context = call.context
    # Behind `authz serve` tests ask about other apps, whose routes are not known.
    routes = context.routes() if context.serves_all_of(ANY_SCOPE) else ()
    results = [result for result, _ in run_tests(file, policy, routes)]
    return Reply(
        document={
            "passed": all(result.passed for result in results),
            "revision": policy.revision,
            "tests": [_result(result) for result in results],
        }
    )


def _result(result: TestResult) -> dict[str, Any]:
    return {
        "name": result.test.name,
        "line": result.test.line,
        "passed": result.passed,
        "failures": [_failure(each) for each in result.outcomes if not each.passed],
    }


def _failure(outcome: Outcome) -> dict[str, Any]:
    return {
        "expected": str(outcome.expectation),
        "allowed": outcome.expectation.allowed,
        "line": outcome.expectation.line,
        "surprises": [
            {
                "method": surprise.place.method,
                "path": surprise.place.shown,
                "who": surprise.who,
                "why": surprise.why,
            }
            for surprise in outcome.surprises[:_SHOWN]
        ],
        "not_proven": outcome.unproven,
    }


OPERATIONS: Final = (
    Operation(
        id="run_policy_tests",
        method="POST",
        path="/policy-tests",
        summary="Run a file of policy tests, against the policy or a draft",
        run=_run,
        body=record(
            {
                "content": {
                    "type": "string",
                    "description": "A file of policy tests, in YAML.",
                    "maxLength": 512 * KILOBYTE,
                }
            },
            {"changes": CHANGES},
        ),
        answers={200: _RESULTS},
        errors=(404,),
        max_body=1024 * KILOBYTE,
    ),
)
