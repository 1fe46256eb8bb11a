"""Pages of the docs about requests, typed into one shell as a reader would."""

import re
import subprocess
import threading
from pathlib import Path

from flask import Flask
from werkzeug.serving import make_server

from authz.extension import get_authz

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
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.port}{below}"
    own = re.compile(rf"^export {variable}=.*$", re.MULTILINE)
    script, found = own.subn(f"export {variable}={address} TOKEN={token}", script)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
    server.shutdown()
    get_authz(app).runtime.close()
    assert found == 1
    assert done.returncode == 0, done.stdout[-800:] + done.stderr[-800:]
    return done.stdout
