"""What a policy says as JSON knows values: one view for the API and for commands."""

from typing import TYPE_CHECKING, Any

from authz.decision import Explanation, Rule, RulePath

# Whoever asks a question of a policy compares none.
if TYPE_CHECKING:
    from authz.policy.analysis.by_meaning import Meaning
    from authz.policy.analysis.coverage import Route
    from authz.policy.analysis.impact import Difference
    from authz.policy.analysis.promises import Answer


def rule_document(rule: Rule) -> dict[str, Any]:
    """Return a rule that decides."""
    return {"rule": str(rule), "origin": str(rule.origin)}


def rule_path_document(found: RulePath) -> dict[str, Any]:
    """Return a rule with the way to it."""
    return {
        **rule_document(found.rule),
        "names": list(found.names),
        "grants": [str(grant.origin) for grant in found.grants],
    }


def explanation_document(explanation: Explanation) -> dict[str, Any]:
    """Return everything behind a decision."""
    return {
        "because": [rule_path_document(found) for found in explanation.because],
        "overruled": [rule_path_document(found) for found in explanation.overruled],
        "nearest": [rule_document(rule) for rule in explanation.nearest],
    }


def route_document(route: "Route") -> dict[str, Any]:
    """Return a route and who may use it."""
    return {
        "method": route.method,
        "route": route.route,
        "endpoint": route.endpoint,
        "who": list(route.who),
        "declared_public": route.declared_public,
        "covered": route.is_covered,
        "origins": list(route.origins),
    }


def difference_document(difference: "Difference") -> dict[str, Any]:
    """Return one difference that a change makes."""
    route = difference.place.route
    return {
        "subject": difference.who.name,
        "method": difference.place.method,
        "path": difference.place.shown,
        "route": None if route is None else route.route,
        "except": list(difference.exceptions),
        "scope": difference.scope or None,
        "except_scopes": list(difference.except_scopes),
        "before": "deny" if difference.opens else "allow",
        "after": "allow" if difference.opens else "deny",
        "allowed": difference.opens,
        "public": difference.opens_to_everyone,
        "rules": [str(rule.origin) for rule in difference.rules],
    }


def meaning_document(meaning: "Meaning") -> dict[str, Any]:
    """Return what changes for one name, and for all that have it."""
    from authz.policy.analysis.by_meaning import in_words

    kept = ("path", "route", "except", "scope", "except_scopes", "allowed", "public")
    return {
        "name": meaning.name,
        "in_words": in_words(meaning.name),
        "members": list(meaning.members),
        "changes": [
            {
                "methods": list(methods),
                **{key: difference_document(each)[key] for key in kept},
            }
            for methods, each in meaning.changes
        ],
    }


def answer_document(answer: "Answer", *options: str) -> dict[str, Any]:
    """Return what came of a promise; the command that shows it has *options*."""
    example = answer.example
    return {
        "question": str(answer.promise.question),
        "promise": str(answer.promise),
        "verdict": str(answer.verdict),
        "why": answer.why,
        "paths": answer.paths,
        "example": None
        if example is None
        else {
            "who": example.who,
            "names": sorted(example.names),
            "other": sorted(example.other) if example.other is not None else None,
            "method": example.method,
            "path": example.path,
            "scope": example.scope or None,
            "command": example.command(*options) if example.path else None,
        },
    }


def verdict_of(answer: "Answer | None") -> str:
    """Return what came of a promise, in one word; without one it is not proven."""
    from authz.policy.analysis.promises import Verdict

    return str(Verdict.NOT_PROVEN if answer is None else answer.verdict)
