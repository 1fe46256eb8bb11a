"""Pages of the docs about requests, typed into one shell as a reader would."""

import re
import subprocess
from pathlib import Path

from flask import Flask

from authz.extension import get_authz
from tests.served_app import served

HOW_TO = Path(__file__).parents[1] / "docs/how-to"
#: The store and the administrator that such a page begins with.
BEGUN = {
    "AUTHZ_STORE": "sqlite:///authz.db",
    "AUTHZ_ADMIN": "root",
    "AUTHZ_ADMIN_PASSWORD": "a password of twenty",
}


def blocks(page: str, language: str) -> list[str]:
    """Return what *page* shows of a *language*."""
    fenced = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return fenced.findall((HOW_TO / page).read_text(encoding="utf-8"))


def typed(app: Flask, script: str, *, variable: str, below: str, token: str) -> str:
    """Return what *script* prints, all of which has to succeed.

    What the page leaves to the reader is set where it exports *variable*: the address
    of *app* with the path *below*, and the *token*.
    """
    own = re.compile(rf"^export {variable}=.*$", re.MULTILINE)
    with served(app) as url:
        said = f"export {variable}={url}{below} TOKEN={token}"
        script, found = own.subn(said, script)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            capture_output=True,
            text=True,
            check=False,
        )
    get_authz(app).runtime.close()
    assert found == 1
    assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]
    return done.stdout
