"""Who is asking, as the stand-in's app sees it: a barrier before every request.

Written from a description of how AudioMuse-AI behaves; none of its code is here.
"""

import config
from flask import g, jsonify, redirect, render_template_string, request

#: The list of people of the app: id, name, role.
PEOPLE = {1: ("root", "admin"), 2: ("bob", "user"), 3: ("carol", "user")}
#: Who signed in to the app itself: the value of its cookie.
SESSIONS = {"roots-session": ("root", "admin")}

_ADMINISTRATION = [
    "/setup",
    "/api/setup",
    "/cleaning",
    "/api/cleaning",
    "/cron",
    "/api/cron",
    "/backup",
    "/api/backup",
    "/provider-migration",
    "/api/migration",
    "/analysis",
    "/api/analysis",
    "/api/clustering",
    "/api/cancel",
    "/api/cancel_all",
    "/api/rebuild_map_cache",
    "/api/clap/cache/refresh",
    "/api/lyrics/cache/refresh",
    "/api/sem_grove/cache/refresh",
    "/api/plugins",
]
_OPEN_AT_FIRST = ("/setup", "/api/setup", "/api/servers", "/api/status", "/api/cancel")


def _below(path, prefixes):
    return any(path == p or path.startswith(p + "/") for p in prefixes)


def check_setup_needed():
    """Whether the app waits to be set up."""
    return not config.SETUP_DONE


def check_auth_needed(secret):
    """Say who is asking, by cookie or bearer token; an answer if nobody is."""
    del secret
    if not config.AUTH_ENABLED:
        g.auth_user, g.auth_role, g.auth_method = None, "admin", None
        return None
    found = SESSIONS.get(request.cookies.get("audiomuse_jwt"))
    if found:
        g.auth_user, g.auth_role, g.auth_method = *found, "session"
        return None
    header = request.headers.get("Authorization", "")
    if config.API_TOKEN and header == f"Bearer {config.API_TOKEN}":
        g.auth_user, g.auth_role, g.auth_method = None, "admin", "bearer"
        return None
    if request.path.startswith("/api/"):
        return jsonify(error="Unauthorized"), 401
    return redirect("/login")


def check_admin_needed():
    """Keep all but administrators from administrators' paths."""
    if not config.AUTH_ENABLED or getattr(g, "auth_role", None) == "admin":
        return None
    if not _below(request.path, _ADMINISTRATION) and request.path != "/plugins":
        return None
    if request.path.startswith("/api/"):
        return jsonify(error="Forbidden"), 403
    return redirect(request.script_root + "/")


def auth_setup_barrier():
    """Run before every request: set-up, then who, then administration."""
    if request.path.startswith("/static/") or request.path == "/api/health":
        return None
    if check_setup_needed():
        if _below(request.path, _OPEN_AT_FIRST):
            return None
        if request.path.startswith("/api/"):
            return jsonify(error="Setup required"), 403
        return redirect(request.script_root + "/setup")
    if request.path in {"/login", "/auth", "/logout"}:
        return None
    return check_auth_needed("secret") or check_admin_needed()


def login_page():
    """Show the app's own form."""
    return render_template_string("the app's own form"), {"X-Handler": "login_page"}


def auth_endpoint():
    """Sign in to the app itself: anybody is let in here, to see whether one gets in."""
    response = redirect("/")
    response.set_cookie("audiomuse_jwt", "roots-session", samesite="Strict")
    response.headers["X-Handler"] = "auth_endpoint"
    return response


def logout_endpoint():
    """Sign out of the app itself."""
    response = redirect("/login")
    response.delete_cookie("audiomuse_jwt")
    response.headers["X-Handler"] = "logout_endpoint"
    return response


def list_users_endpoint():
    """List the people: administrators see all, others themselves."""
    everybody = g.auth_role == "admin"
    names = [name for name, _ in PEOPLE.values() if everybody or name == g.auth_user]
    return jsonify(users=names, current_user=g.auth_user, is_admin=everybody)


def _confirmed():
    """Ask for the password once more, unless a machine calls."""
    sent = request.get_json(silent=True) or {}
    return g.auth_method == "bearer" or bool(sent.get("current_password"))


def create_user_endpoint():
    """Add somebody."""
    if g.auth_role != "admin":
        return jsonify(error="Forbidden"), 403
    if not _confirmed():
        return jsonify(error="Current password is required."), 400
    return jsonify(status="ok"), 201


def delete_user_endpoint(user_id):
    """Remove somebody, but not oneself."""
    if g.auth_role != "admin":
        return jsonify(error="Forbidden"), 403
    if not _confirmed():
        return jsonify(error="Current password is required."), 400
    if PEOPLE[user_id][0] == g.auth_user:
        return jsonify(error="You cannot delete your own account."), 400
    return jsonify(status="ok")


def update_user_password_endpoint(user_id):
    """Change a password: one's own, or anybody's for administrators."""
    if g.auth_role != "admin" and PEOPLE[user_id][0] != g.auth_user:
        return jsonify(error="Forbidden"), 403
    if not _confirmed():
        return jsonify(error="Current password is required."), 400
    return jsonify(status="ok")
