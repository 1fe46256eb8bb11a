"""What the WSGI servers that are installed do with the headers of a proxy."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from authz.admin.doctor.finding import Finding, fail, ok, warn
from authz.identity.wsgi_server import is_told_to_merge
from authz.installed import version_of
from authz.settings import Settings

_CHECK: Final = "WSGI server"
_GOOD: Final = ("gunicorn", "waitress", "gevent")
_MERGING: Final = ("uwsgi", "granian", "hypercorn", "uvicorn", "cheroot")
_FIELD_SIZE: Final = ("limit_request_field_size", "limit-request-field_size")
#: `--workers 4`, `--workers=4`, `-w4`, as gunicorn's command line spells it.
_WORKERS: Final = re.compile(r"\s(?:--workers[\s=]+|-w\s*)(\d+)")
_GUNICORN_CONF: Final = "gunicorn.conf.py"


def check(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is to be said of the servers the app may run under."""
    yield from _workers(settings, environ)
    if not settings.proxy and not settings.proxy.forwarded:
        return
    found = [f"{name} {v}" for name in _GOOD if (v := version_of(name))]
    if found:
        yield ok(_CHECK, f"{', '.join(found)}: each keeps `X_User` and `X-User` apart")
    yield from _merging(settings)
    if is_told_to_merge((), environ):
        yield fail(
            _CHECK,
            "GUNICORN_CMD_ARGS says `--header-map dangerous`, so anybody can send the "
            "proxy's headers spelled with `_`",
            "remove that option",
        )
    if settings.proxy.issuers:
        yield from _sizes(environ)


def _workers(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Warn if several processes would each know other sessions."""
    if settings.store.url is not None or not any(a.password for a in settings.accounts):
        return
    told = _WORKERS.search(f" {environ.get('GUNICORN_CMD_ARGS', '')}")
    number = told[1] if told else environ.get("WEB_CONCURRENCY", "")
    if number.isdecimal() and int(number) > 1:
        yield warn(
            _CHECK,
            f"gunicorn is told to start {number} workers, and sessions are kept in one "
            "process, so local accounts cannot sign in",
            "`--workers 1 --threads 8`, or keep sessions in a database: AUTHZ_STORE",
        )


def _merging(settings: Settings) -> Iterator[Finding]:
    proxy = settings.proxy
    if proxy.underscores_stripped:
        return
    under_it = []
    if proxy.headers is not None:
        under_it.append("plain headers are refused")
    if proxy.forwarded:
        under_it.append("all clients of a proxy count as one")
    if not under_it:
        return
    for name in _MERGING:
        version = version_of(name)
        if version:
            yield warn(
                _CHECK,
                f"{name} {version} is installed: it takes `X_User` for `X-User`, so "
                f"under it {', and '.join(under_it)}",
                "run the app under gunicorn or waitress; or have the proxy strip names "
                "with `_` and set AUTHZ_UNDERSCORES_STRIPPED=true",
            )


def _sizes(environ: Mapping[str, str]) -> Iterator[Finding]:
    given = environ.get("GUNICORN_CMD_ARGS", "")
    if version_of("gunicorn") and not any(
        word in given or word in _gunicorn_conf() for word in _FIELD_SIZE
    ):
        yield ok(
            _CHECK,
            "gunicorn takes headers of 8190 bytes; people in very many groups have "
            "longer tokens (431): start it with `--limit-request-field_size 16384`",
        )
    if version_of("uwsgi"):
        yield warn(
            _CHECK,
            "uWSGI takes 4096 bytes of headers together, and tokens are longer",
            "start it with `--buffer-size 32768`",
        )


def _gunicorn_conf() -> str:
    try:
        return Path(_GUNICORN_CONF).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
