"""The app behind the servers under attack: every handler that runs says so.

Started by the tests as `tests.e2e.guarded_app:app`, with its settings in the
environment.
"""

from flask import Flask

from authz import Authz

PUBLIC = {"health"}
USER = {"index", "map", "chat", "similar", "playlist"}
ADMIN = {"admin", "admin_users", "analysis", "delete_user", "read_config", "config"}

app = Flask(__name__, static_folder=None)
Authz(app)


def _add(path: str, name: str, *methods: str) -> None:
    def view(**_: str) -> tuple[str, dict[str, str]]:
        return name, {"X-Handler": name}

    app.add_url_rule(path, name, view, methods=methods)


_add("/health", "health", "GET")
_add("/", "index", "GET")
_add("/map", "map", "GET")
_add("/chat/", "chat", "GET")
_add("/api/similar/<name>", "similar", "GET")
_add("/api/playlist", "playlist", "POST")
_add("/admin", "admin", "GET")
_add("/admin/users", "admin_users", "GET")
_add("/api/analysis/start", "analysis", "POST")
_add("/api/users/<name>", "delete_user", "DELETE")
_add("/api/config", "read_config", "GET")
_add("/api/config", "config", "PUT")
