"""An app that knows nothing of authz: says in JSON what reached it."""

import json
import sys
from base64 import b64encode
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Says(BaseHTTPRequestHandler):
    """Answers each request with what it is."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        """Answer."""
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self.switch(self.headers["Sec-WebSocket-Key"])
            return
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = {
            "method": self.command,
            "target": self.path,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
        }
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def switch(self, key: str) -> None:
        """Accept a handshake (RFC 6455, 4.2.2), and say nothing more."""
        whole = f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()
        accepted = b64encode(sha1(whole).digest()).decode()  # noqa: S324 - as it says
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accepted)
        self.end_headers()
        self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Says).serve_forever()
