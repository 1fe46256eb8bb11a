"""The app under soak: it says with every answer which policy gave it.

Who asks is what the request says. What is soaked is deciding, not signing in; only the
flood signs in.
"""

from flask import Flask, request
from werkzeug.wrappers import Response

from authz import Authz, Subject, current_decision
from authz.decision import signed_in
from authz.identity.source import RequestFacts

#: Routes `/r/0` to `/r/9`.
ROUTES = 10


class Claimed:
    """Believes the header `X-Soak-User`."""

    method = "soak"
    ambient = False

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return who the request says is asking."""
        name = facts.environ.get("HTTP_X_SOAK_USER")
        if name is None:
            return None
        return signed_in(f"user:{name}", source="soak", display_name=name)


app = Flask("soaked")


@app.get("/r/<int:number>")
def thing(number: int) -> str:
    """Return something that the policy opens and closes."""
    return str(number)


@app.after_request
def stamp(response: Response) -> Response:
    """Say which policy decided, and which question this answers."""
    if response.status_code != 503:
        response.headers["X-Soak-Revision"] = current_decision().revision
    response.headers["X-Soak-Id"] = request.headers.get("X-Soak-Id", "")
    return response


Authz(app, sources=[Claimed()])
