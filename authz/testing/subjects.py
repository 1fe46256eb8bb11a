"""Asking an app as somebody, without signing in."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from flask import Flask
from flask.testing import FlaskClient

from authz.decision import ANONYMOUS, Subject, signed_in
from authz.extension import get_authz
from authz.identity.source import RequestFacts
from authz.policy.parse_subject import parse_subject


class _Somebody:
    """An identity source that knows one person, whoever asks."""

    method = "testing"
    # Nothing that a browser sends by itself, so origins are not asked about.
    ambient = False

    def __init__(self, subject: Subject) -> None:
        self._subject = subject

    def identify(self, _facts: RequestFacts) -> Subject | None:
        return self._subject


@contextmanager
def as_subject(
    app: Flask,
    name: str | Subject,
    *,
    roles: Iterable[str] = (),
    groups: Iterable[str] = (),
) -> Iterator[FlaskClient]:
    """Have every request to *app* come from *name* until the block ends.

    Args:
        app: An app that authz guards.
        name: The id of a local account, a name of the policy such as
            `user:authentik/bob`, `anonymous`, or a `Subject` as it is.
        roles: Roles they hold beside those that the policy gives; `role:` may be left
            out.
        groups: Groups they are in; `group:` may be left out.

    Yields:
        A client. Any other client of *app* asks as the same person.

    Raises:
        ValueError: if a name cannot be one, or somebody anonymous has roles.
        RuntimeError: if authz does not guard *app*.
    """
    subject = name if isinstance(name, Subject) else _subject(name, roles, groups)
    hook = get_authz(app).hook
    before = hook._sources  # noqa: SLF001 - the one place that puts somebody in front
    hook._sources = (_Somebody(subject), *before)  # noqa: SLF001
    try:
        yield app.test_client()
    finally:
        hook._sources = before  # noqa: SLF001


def _subject(name: str, roles: Iterable[str], groups: Iterable[str]) -> Subject:
    held = frozenset(r if r.startswith("role:") else f"role:{r}" for r in roles)
    for role in held:
        parse_subject(role)
    subject = parse_subject(name, groups)
    if subject is ANONYMOUS:
        if held or groups:
            raise ValueError(
                "somebody who has not signed in holds no role and is in no group: "
                "give them a name"
            )
        return subject
    if subject.source:
        # `asked_subject` made it a local account; it may also hold roles by itself.
        return signed_in(
            subject.name,
            source=subject.source,
            display_name=subject.display_name.removeprefix("user:"),
            groups=held | {n for n in subject.names if n.startswith("group:")},
        )
    return replace(subject, names=subject.names | held)
