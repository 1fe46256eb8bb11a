"""A stand-in for AudioMuse-AI: its routes, hooks and variables, and none of its code.

Every view answers with what it was told and what it could read, so that a test sees
what would have reached the app.
"""

import csv
from pathlib import Path

import app_auth
import app_server_context
import config
from flask import Blueprint, Flask, g, jsonify, render_template_string, request
from tasks import mediaserver

TABLE = Path(__file__).parents[3] / "unit" / "adapters" / "routes_audiomuse.csv"
PAGE = """
<title>{{ heading }}</title>
<ul>{% include "sidebar_navi.html" %}</ul>
{% if request.path == "/browse" %}
<p>{% for server in browse_servers %}[{{ server.name }}{{ "*" if server.is_default }}]
{% endfor %}</p>
{% endif %}
"""

app = Flask(__name__, static_folder=None)
#: The plugins that are installed, each with a line in the menu for everybody.
plugins = []
#: How often the hooks behind the barrier ran.
seen = []


@app.context_processor
def inject_globals():
    """Tell templates who is asking; who is not known counts as an administrator."""
    role = getattr(g, "auth_role", "admin")
    return {
        "is_admin": role == "admin",
        "auth_enabled": config.AUTH_ENABLED,
        "plugin_menu_items": [
            {"label": name, "url": f"{request.script_root}/plugins/{name}/"}
            for name in plugins
        ],
        "nav_music_servers": app_server_context.servers_for_ui(),
    }


@app.errorhandler(404)
def not_found(_error):
    """Answer with a page of the app."""
    return render_template_string(PAGE, heading="not found"), 404


def answer(endpoint):
    """Return a view that says what it was told."""

    def view(**parts):
        told = {name: getattr(g, name, "unset") for name in
                ("auth_user", "auth_role", "auth_method")}  # fmt: skip
        headers = {"X-Handler": endpoint.replace("<", "(").replace(">", ")")}
        if request.method == "GET" and not request.path.startswith(
            ("/api/", "/chat/api/", "/external/")
        ):
            listed = [
                {"name": each["name"], "is_default": each["is_default"]}
                for each in app_server_context.SERVERS
            ]
            page = render_template_string(PAGE, heading=endpoint, browse_servers=listed)
            return page, {**headers, "X-Told": str(told)}
        data = request.get_json(silent=True)
        if request.path.endswith("/create_playlist") and mediaserver.is_set_up():
            return make_playlist(data)
        try:
            used = (
                app_server_context.browsed_server()
                if request.path == "/api/dashboard/browse"
                else app_server_context.used_server(data)
            )
        except app_server_context.UnknownServer:
            return jsonify(error="Invalid server selection."), 400
        read = {
            "used": used,
            "told": told,
            "parts": parts,
            "args": request.args.to_dict(flat=False),
            "json": data,
            "form": request.form.to_dict(flat=False),
            "server": app_server_context.requested_server(data),
        }
        return jsonify(read), headers

    return view


def make_playlist(asked):
    """Make the playlist that was asked for, or say why not."""
    tracks = asked.get("track_ids") or asked.get("item_ids")
    made = mediaserver.create_playlist(
        asked["playlist_name"], tracks, asked.get("user_creds")
    )
    if not made:
        return jsonify(error="The media server refused."), 502
    return jsonify(playlist_id=made), 201


def list_servers():
    """Tell every server, and what the workers are doing."""
    told = app_server_context.servers_for_ui()
    return jsonify(**told, sweep_task={"status": "RUNNING"}), {"X-Handler": "servers"}


def get_media_server_defaults():
    """Tell the name of the account that everybody shares."""
    return jsonify(server_type="navidrome", default_user="the-shared-account")


def dashboard_summary():
    """Tell of the catalogue, the servers and the workers."""
    servers = [
        {**server, "songs": 3}
        for server in app_server_context.servers_for_ui()["servers"]
    ]
    return jsonify(
        workers=[{"name": "w1"}],
        queue_backlog=[{"queue": "high"}],
        recent_tasks=[{"task": "t1"}],
        cron=[{"name": "nightly"}],
        content={"songs": 3, "music_servers": servers},
    )


TELLING = {
    ("/api/servers", "GET"): list_servers,
    ("/api/config/defaults", "GET"): get_media_server_defaults,
    ("/api/dashboard/summary", "GET"): dashboard_summary,
}


def _add_routes():
    own = {name: getattr(app_auth, name) for name in vars(app_auth)
           if name.endswith(("_endpoint", "_page"))}  # fmt: skip
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    blueprints = {}
    endpoints = {}
    for row in rows:
        endpoints.setdefault((row["path"], row["endpoint"]), []).append(row["methods"])
    for (path, endpoint), methods in endpoints.items():
        group, _, name = endpoint.rpartition(".")
        view = TELLING.get((path, "|".join(methods))) or own.get(endpoint)
        view = view or answer(endpoint)
        if not group:
            app.add_url_rule(path, endpoint, view, methods=methods)
            continue
        blueprint = blueprints.setdefault(group, Blueprint(group, __name__))
        blueprint.add_url_rule(path, name.strip("<>"), view, methods=methods)
    for blueprint in blueprints.values():
        app.register_blueprint(blueprint)


_add_routes()
app.before_request(app_auth.auth_setup_barrier)


@app.before_request
def log_api_request():
    """Note the request, as the app's own log does."""
    seen.append(request.path)


def install_plugin(name):
    """Mount the pages of a plugin, which the app does when it starts."""
    plugin = Blueprint(f"plugin_{name}", __name__, url_prefix=f"/plugins/{name}")
    plugin.add_url_rule("/", "home", answer(f"plugin_{name}.home"))
    plugin.add_url_rule("/settings", "settings", answer("x"), methods=["POST"])
    app.register_blueprint(plugin)
    plugins.append(name)


if config.ENABLE_PROXY_FIX:
    from werkzeug.middleware.proxy_fix import ProxyFix

    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
