"""Somebody to ask the policy about, from the name that a person types."""

from collections.abc import Iterable

from authz.decision import ANONYMOUS, AUTHENTICATED, EVERYONE, Subject, signed_in
from authz.errors import InvalidValue
from authz.names import name_problem


def parse_subject(text: str, groups: Iterable[str] = ()) -> Subject:
    """Return the subject that *text* names, in *groups*.

    *text* is a name such as `user:bob`, a local account's id `bob`, `role:user`, or
    `anonymous`.

    Raises:
        InvalidValue: if it, or a group, cannot be a name.
    """
    if text == "anonymous":
        return ANONYMOUS
    name = text if ":" in text else f"user:{text}"
    names = frozenset(g if ":" in g else f"group:{g}" for g in groups)
    for each in (name, *names):
        problem = name_problem(each)
        if problem:
            raise InvalidValue.of(problem)
    if name == EVERYONE:
        return ANONYMOUS
    if name.startswith("user:") and "/" not in name:
        return signed_in(name, source="local", display_name=name, groups=names)
    return Subject(
        name=name,
        names=names | {name, EVERYONE, AUTHENTICATED},
        source="",
        display_name=name,
    )
