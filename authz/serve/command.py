"""`authz serve`: runs the forward-auth endpoint under gunicorn."""

import os
import socket
from typing import Any, Final

import click

from authz.cli.outcome import problems_in_words, warn

_BIND: Final = "127.0.0.1:9080"
#: Threads of a worker that has nobody beside it, or a store that all share.
_THREADS: Final = 8
#: Addresses are long, and so are the headers that hold them.
_FIELD_BYTES: Final = 16380


@click.command("serve")
@click.option(
    "--bind", default=_BIND, show_default=True, help="ADDRESS:PORT, or unix:PATH."
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes. More than one needs AUTHZ_STORE, in which they share sessions.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    default=_THREADS,
    show_default=True,
    help="Threads of each.",
)
@click.option(
    "--development",
    is_flag=True,
    help="Run Werkzeug's server instead of gunicorn, to try something out.",
)
def serve(*, bind: str, workers: int, threads: int, development: bool) -> None:
    """Decide for other apps when their proxy asks (forward-auth).

    Takes the settings of the environment; AUTHZ_FORWARD_PORTAL, AUTHZ_FORWARD_PEERS
    and AUTHZ_FORWARD_HOSTS are needed. Stands behind the proxy, where only the proxy
    reaches it. HUP starts the workers anew, with new keys and settings from files; if
    they cannot be used, it says so and goes on with the old ones.
    """
    with problems_in_words():
        if development:
            _develop(bind)
            return
        _check_once(workers)
    try:
        from authz.serve.gunicorn_app import run
    except ImportError as error:
        raise click.UsageError(
            'gunicorn is not installed: run `pip install "authz-casbin[serve]"`, or '
            "try it out with --development"
        ) from error
    _refuse_taken(bind)
    run(
        {
            "bind": bind,
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",
            "limit_request_line": _FIELD_BYTES // 2,
            "limit_request_field_size": _FIELD_BYTES,
            # Nobody's word about schemes and addresses is taken but as settings say.
            "forwarded_allow_ips": "",
            "accesslog": None,
        }
    )


def _check_once(workers: int) -> None:
    """Say what is wrong before workers start and fail one after the other."""
    from authz.extension import get_authz
    from authz.serve import create_app

    runtime = get_authz(create_app()).runtime
    shared = runtime.sessions.store.shared
    runtime.close()
    if workers > 1 and not shared:
        raise click.UsageError(
            "several workers must know the same sessions: set AUTHZ_STORE, or leave "
            "--workers out"
        )


def _refuse_taken(bind: str) -> None:
    """Say at once what gunicorn would try for seconds, and then not explain."""
    host, _, port = bind.rpartition(":")
    # It may have been handed a socket; what is no address of a network it explains.
    if os.environ.keys() & {"GUNICORN_FD", "LISTEN_FDS"} or not port.isdecimal():
        return
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host.strip("[]"), int(port)))
        except (OSError, OverflowError) as error:
            raise click.UsageError(
                f"{bind} cannot be used ({getattr(error, 'strerror', None) or error}): "
                "stop what listens there, or choose another ADDRESS:PORT with --bind"
            ) from error


def _develop(bind: str) -> None:
    from werkzeug.serving import run_simple

    from authz.serve import create_app

    host, colon, port = bind.rpartition(":")
    if not colon or not port.isdecimal():
        raise click.BadParameter("write ADDRESS:PORT", param_hint="--bind")
    app: Any = create_app()
    warn("this server is to try something out, and for nothing else")
    run_simple(host.strip("[]"), int(port), app, threaded=True)
