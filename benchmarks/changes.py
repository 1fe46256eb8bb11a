"""What a change takes where ten thousand rules are in a database."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from flask import Flask
from flask.testing import FlaskClient

from authz import Authz
from authz.cli import flask_group
from authz.extension import get_authz
from benchmarks.results import Bar

RULES: Final = 10_000
TURNS: Final = 5
#: Seconds that are promised for one rule, and for as many lines.
ONE: Final = 1.0
ALL: Final = 4.0
_HEAD: Final = "p, role:admin, /*, *\ng, user:root, role:admin\n"
_TOKEN: Final = "benchmark-token-that-is-long-enough-to-be-taken"  # noqa: S105 - here only


def bars() -> Iterator[Bar]:
    """Add rules by the API, then replace all of them by `authz apply`."""
    with tempfile.TemporaryDirectory() as folder:
        app = _guarded(Path(folder))
        try:
            client = app.test_client()
            taken = [_added(app, client, turn) for turn in range(TURNS)]
            one = statistics.median(taken)
            yield Bar(
                promise=f"one rule added to {RULES:,} by the API in at most {ONE:.0f} s",
                measured=f"{one:.2f} s",
                holds=one <= ONE,
            )
            (Path(folder) / "other.csv").write_text(_HEAD + _rules("other"))
            arguments = ["apply", f"{folder}/other.csv", "--note", "benchmark"]
            begun = time.perf_counter()
            done = app.test_cli_runner().invoke(flask_group, arguments)
            whole = time.perf_counter() - begun
            assert done.exit_code == 0, done.output  # noqa: S101 - it was applied
            yield Bar(
                promise=f"{RULES:,} lines applied in at most {ALL:.0f} s",
                measured=f"{whole:.2f} s",
                holds=whole <= ALL,
            )
        finally:
            get_authz(app).runtime.close()


def _guarded(folder: Path) -> Flask:
    (folder / "seed.csv").write_text(_HEAD + _rules("data"))
    app = Flask("benchmark")
    app.config.update(
        AUTHZ_STORE=f"sqlite:///{folder}/authz.db",
        AUTHZ_POLICY_SEED=str(folder / "seed.csv"),
        AUTHZ_API_TOKEN=_TOKEN,
        AUTHZ_API_TOKEN_ROLE="role:admin",  # noqa: S106 - a role
    )
    Authz(app)
    return app


def _rules(word: str) -> str:
    return "".join(f"p, role:r{n % 200}, /{word}/{n}/*, GET\n" for n in range(RULES))


def _added(app: Flask, client: FlaskClient, turn: int) -> float:
    prefix = get_authz(app).runtime.settings.url_prefix
    begun = time.perf_counter()
    answer = client.post(
        f"{prefix}/api/v1/rules",
        json={"subject": "role:r1", "path": f"/new/{turn}", "methods": ["GET"]},
        headers={"Authorization": f"Bearer {_TOKEN}", "If-Match": "*"},
    )
    taken = time.perf_counter() - begun
    assert answer.status_code == 201, answer.text  # noqa: S101 - it was added
    return taken
