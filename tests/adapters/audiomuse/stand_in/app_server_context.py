"""Which music server a request is about: the query on GET, the JSON body on POST."""

from flask import request

DEFAULT = "living-room"


def is_default_server(server):
    """Whether *server* is the default one."""
    return not server or server == DEFAULT


def requested_server(data=None):
    """Return the server that the client named, body before query."""
    named = data if isinstance(data, dict) else {}
    return (
        named.get("server")
        or named.get("server_id")
        or request.args.get("server")
        or request.args.get("server_id")
    )
