"""`authz whoami`: whom a request would come from, and which source said so."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import click
from flask import current_app, has_app_context

from authz.admin.context import AdminContext
from authz.admin.doctor.hints import hint_of
from authz.admin.doctor.whoami import Who, who
from authz.admin.roles import HeldRole
from authz.audit import AuditEvent
from authz.bounded_read import read_file
from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.decision import NO_GROUPS
from authz.identity.peers import UNIX, Peers, peers
from authz.runtime import Runtime, start
from authz.scope import ANY_SCOPE
from authz.settings import AuditSettings, read_settings
from authz.stores.policy_text import stored_text

_WIDTH: Final = 9
#: Where a role holds that nobody limited.
_EVERYWHERE: Final = ((), (ANY_SCOPE,))
#: No list of headers is larger, in bytes.
_MAX_HEADERS: Final = 1024 * 1024


@click.command("whoami")
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="'NAME: VALUE'",
    help="A header of the request; repeatable. `@FILE` reads one a line from a file, "
    "for tokens and cookies: other people can see a command line.",
)
@click.option(
    "--from",
    "peer",
    required=True,
    metavar="PEER",
    help="The address at the other end of the socket: the proxy's, if there is one. "
    f"`{UNIX}` for a Unix socket.",
)
@with_output
def whoami(*, headers: tuple[str, ...], peer: str, out: Output) -> None:
    """Say who a request would come from, by which source, and what was ignored.

    Asks the identity sources as the app does for each request, with the names and roles
    that come of it. Exit code 0: somebody, or a stranger; 5: the credential is not
    valid, so the request would be refused.
    """
    given = [header for text in headers for header in _headers(text)]
    _check_peer(peer)
    with problems_in_words():
        runtime, ours = _runtime()
    try:
        found = who(AdminContext(runtime=runtime), given, peer)
    finally:
        if ours:
            runtime.close()
    out.document(_document(found))
    out.lines(f"{word:<{_WIDTH}}{text}" for word, text in _lines(found))
    end(Exit.DENIED if found.subject is None else Exit.OK)


class _Nowhere:
    """Asking who somebody is leaves no trace."""

    def record(self, event: AuditEvent) -> None:
        """Keep nothing."""


def _runtime() -> tuple[Runtime, bool]:
    """Return the app's runtime, or one of our own, and whether it is."""
    if has_app_context() and "authz" in current_app.extensions:
        runtime: Runtime = current_app.extensions["authz"].runtime
        return runtime, False
    settings = read_settings({}, os.environ)
    # Asking fills no database, which an app that starts would do, and is no event.
    stored_text(settings)
    settings = replace(settings, audit=AuditSettings())
    runtime = start(settings, audit=_Nowhere(), serves=False)
    runtime.identity.fetch()
    return runtime, True


def _headers(text: str) -> Iterator[tuple[str, str]]:
    if not text.startswith("@"):
        yield _header(text)
        return
    try:
        data = read_file(text[1:], most=_MAX_HEADERS, pipes=True)
    except OSError as error:
        raise click.BadParameter(
            f"the file `{text[1:]}` cannot be read", param_hint="--header"
        ) from error
    # Bytes that are no UTF-8 are what a header may hold.
    lines = data.decode("utf-8", "surrogateescape").splitlines()
    yield from (_header(line) for line in lines if line.strip())


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip() or name != name.strip():
        # Not the text itself: it may be a token.
        raise click.BadParameter(
            "write a header as `Name: value`", param_hint="--header"
        )
    return name, value.strip()


def _check_peer(text: str) -> None:
    try:
        # The interface behind an address, as in `fe80::5%eth0`, says nothing here.
        known: Peers = peers(text.partition("%")[0])
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--from") from error
    if text != UNIX and not all(n.num_addresses == 1 for n in known.networks):
        raise click.BadParameter("name one address", param_hint="--from")
    if not known or "," in text:
        raise click.BadParameter("name one address", param_hint="--from")


def _lines(found: Who) -> Iterator[tuple[str, str]]:
    for ignored in found.ignored:
        yield "ignored", f"{ignored.header}: {ignored.why}"
    if found.subject is None:
        yield "refused", f"{found.source}: {found.refused}"
        if found.place:
            yield "", found.place + (f": `{found.value}`" if found.value else "")
        hint = hint_of(found.refused)
        if hint:
            yield "", hint
        return
    yield "source", found.source or "none: nothing in the request says who is asking"
    yield "subject", found.subject.name
    yield "names", ", ".join(sorted(found.subject.names))
    groups = found.subject.groups
    if groups.delivered:
        cut = f", cut at `{groups.separator}`" if groups.separator else ""
        listed = ", ".join(f"`{text}`" for text in groups.delivered)
        yield "groups", f"from {groups.place}{cut}: {listed}"
    for dropped in groups.dropped:
        yield "dropped", f"`{dropped.text}`: {dropped.why}"
    for near in found.near:
        yield "near", str(near)
    for held in found.roles:
        yield "role", f"{held.role}  {_way(held)}"
    if not found.roles:
        yield "role", "none: no grant leads from these names to a role"


def _way(held: HeldRole) -> str:
    steps = [held.grants[0].member]
    steps += [f"{grant.role} ({grant.origin})" for grant in held.grants]
    where = "" if held.scopes in _EVERYWHERE else f" in {', '.join(held.scopes)}"
    return " -> ".join(steps) + where


def _document(found: Who) -> dict[str, Any]:
    subject = found.subject
    groups = subject.groups if subject else NO_GROUPS
    return {
        "subject": subject.name if subject else None,
        "names": sorted(subject.names) if subject else [],
        "source": found.source,
        "client": found.client,
        "refused": found.refused,
        "place": found.place,
        "value": found.value,
        "mend": hint_of(found.refused),
        "ignored": [{"header": i.header, "why": i.why} for i in found.ignored],
        "groups": {
            "place": groups.place,
            "separator": groups.separator,
            "delivered": list(groups.delivered),
            "dropped": [{"group": d.text, "why": d.why} for d in groups.dropped],
            "near": [
                {"group": n.delivered, "named": n.named, "how": n.how}
                for n in found.near
            ],
        },
        "roles": [
            {
                "role": held.role,
                "grants": [
                    {"grant": str(grant), "origin": str(grant.origin)}
                    for grant in held.grants
                ],
                "scopes": list(held.scopes),
            }
            for held in found.roles
        ],
    }
