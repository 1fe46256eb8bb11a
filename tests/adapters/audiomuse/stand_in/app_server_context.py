"""The music servers, and which of them a request is about.

It behaves as AudioMuse-AI 3.4.0 does in `app_server_context.py`
(`resolve_request_server_id`, `servers_for_ui`), `tasks/mediaserver/registry.py`
(`get_server`, `get_server_by_name`) and `app_dashboard.py` (`browse_api`).
"""

from flask import request

SERVERS = [
    {"server_id": "living-room", "name": "Living room", "is_default": True},
    {"server_id": "attic", "name": "The attic", "is_default": False},
    {"server_id": "shed", "name": "Garden shed", "is_default": False},
]


def servers_for_ui():
    """Return the servers as the picker and the API list them, without credentials."""
    return {
        "servers": [dict(server) for server in SERVERS],
        "default_id": SERVERS[0]["server_id"],
        "multi_server_enabled": True,
    }


class UnknownServer(ValueError):
    """No configured server is called so; the app answers 400."""


def used_server(data=None):
    """Return the id of the server that a view works on; None: no one is selected.

    Then some views take the default one, and others the catalogue of all servers.
    """
    named = requested_server(data)
    if not named:
        return None
    if isinstance(named, bool | list | dict):
        raise UnknownServer
    return find_server(str(named))["server_id"]


def find_server(named):
    """Return a server by its id, else by its name whatever the capitals."""
    for server in SERVERS:
        if server["server_id"] == named:
            return server
    for server in sorted(SERVERS, key=lambda server: server["name"]):
        if server["name"].lower() == named.lower():
            return server
    raise UnknownServer


def browsed_server():
    """Return the id of the server whose songs are listed; None: all catalogues.

    That list has a control of its own, takes `all`, and songs of no server for a
    filter, whatever server is named.
    """
    named = (request.args.get("server") or "").strip()
    if not named or named.lower() == "all":
        return None
    found = find_server(named)["server_id"]
    return None if request.args.get("filter", "").strip() == "orphan" else found


def requested_server(data=None):
    """Return the server that the client named, body before query."""
    named = data if isinstance(data, dict) else {}
    return (
        named.get("server")
        or named.get("server_id")
        or request.args.get("server")
        or request.args.get("server_id")
    )
