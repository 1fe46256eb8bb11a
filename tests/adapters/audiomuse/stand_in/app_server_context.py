"""The music servers, and which of them a request is about.

The query says so on GET, the JSON body on POST.
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


def requested_server(data=None):
    """Return the server that the client named, body before query."""
    named = data if isinstance(data, dict) else {}
    return (
        named.get("server")
        or named.get("server_id")
        or request.args.get("server")
        or request.args.get("server_id")
    )
