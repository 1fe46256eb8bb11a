"""`authz break-glass`: into the administration for minutes, when nobody can sign in."""

import click

from authz.admin.break_glass import open_glass
from authz.cli.app import context_here, shell
from authz.cli.outcome import problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.tokens import span


@click.command("break-glass")
@click.option("--user", required=True, help="Who comes in; the audit log names them.")
@click.option(
    "--ttl",
    default="15m",
    show_default=True,
    help="How long it stays open: at most 60m.",
)
@with_output
def break_glass(*, user: str, ttl: str, out: Output) -> None:
    """Let somebody administer for minutes, whatever is wrong with signing in.

    Prints a code that is typed in once, at /authz/break-glass, by a browser. It opens
    the admin area until the time is over, whatever the policy says; the rest of the app
    stays as the policy has it for role:admin. It is written to the audit log, with each
    request that is made. `authz token revoke break-glass/NAME` ends it early.

    For whoever has a shell on the host, and with AUTHZ_STORE; without a store set
    AUTHZ_ADMIN and AUTHZ_ADMIN_PASSWORD, and start the app again.

    Exit code 0: done; 3: it cannot be done, and why; 7: the store cannot be reached.
    """
    lasts = span(ttl, "--ttl")
    with problems_in_words(), context_here() as context:
        code, kept = open_glass(context, shell(), user=user, lasts=lasts)
        path = f"{context.settings.url_prefix}/break-glass"
    assert kept.expires is not None  # noqa: S101 - it always has an end
    out.document(
        {
            "code": code,
            "path": path,
            "name": kept.subject_name,
            "expires": kept.expires.isoformat(),
        }
    )
    out.wanted(code)
    until = kept.expires.astimezone().isoformat(" ", "seconds")
    out.line(f"enter it once at {path}; the app knows it within two seconds")
    out.line(f"{kept.subject_name} may administer until {until}")
