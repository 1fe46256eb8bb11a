"""The app behind the proxies: it says who it thinks is asking.

Started by the tests as `tests.e2e.proxied_app:app`, with its settings in the
environment.
"""

from flask import Flask, request

from authz import Authz, current_subject

app = Flask(__name__, static_folder=None)
Authz(app)


@app.get("/health")
def health() -> dict[str, str]:
    """Answer anybody."""
    return {}


@app.get("/who")
@app.get("/admin")
@app.get("/members")
def who() -> dict[str, object]:
    """Say who is asking, by every name."""
    return {"name": current_subject.name, "names": sorted(current_subject.names)}


@app.get("/seen")
def seen() -> dict[str, str]:
    """Say which identity headers arrived; of a token, only that it did."""
    return {
        key: "a token" if value.count(".") >= 2 and len(value) > 100 else value
        for key, value in request.environ.items()
        if "AUTHENTIK" in key.upper()
    }
