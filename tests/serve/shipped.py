"""The set-ups below `adapters/serve-*` as a reader would put them to use.

Names and addresses are replaced, and TLS, for which there is no certificate here, is
taken out; nothing else is touched.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ADAPTERS = Path(__file__).parents[2] / "adapters"
_NGINX = """\
daemon off; pid {folder}/pid; error_log stderr warn; worker_processes 1;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {inside}
}}
"""
#: An app that is not Python's and knows nothing of authz: says what reached it.
_SAYS = """
  server {{
    listen 127.0.0.1:{port};
    default_type application/json;
    location / {{
      return 200 '{{"method": "$request_method", "target": "$request_uri",
        "headers": [["remote-user", "$http_remote_user"],
        ["remote-groups", "$http_remote_groups"],
        ["remote-name", "$http_remote_name"], ["remote-email", "$http_remote_email"],
        ["x-authz-jwt", "$http_x_authz_jwt"]]}}';
    }}
  }}
"""


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where the proxy listens, and the ports of 127.0.0.1 at which the others do."""

    address: str
    port: int
    serve: int
    grafana: int
    wiki: int

    def replaced(self, text: str) -> str:
        """Return *text* with the names of an installation as they are here."""
        for name, port in (
            ("authz:9080", self.serve),
            ("grafana:3000", self.grafana),
            ("wiki:8080", self.wiki),
        ):
            assert name in text, name
            text = text.replace(name, f"127.0.0.1:{port}")
        assert "auth.home.example" in text
        return text.replace("home.example", "home.test")


def command(kind: str, folder: Path, places: Places) -> list[str]:
    """Write the set-up of *kind* into *folder*; return what starts the proxy."""
    return _WRITERS[kind](_program(kind), folder, places)


def _caddy(program: str, folder: Path, places: Places) -> list[str]:
    text = places.replaced((ADAPTERS / "serve-caddy/Caddyfile").read_text())
    for name in ("grafana", "wiki", "auth"):
        text = text.replace(
            f"https://{name}.home.test", f"http://{name}.home.test:{places.port}"
        )
    file = folder / "Caddyfile"
    options = ("admin off", "auto_https off", f"default_bind {places.address}")
    file.write_text("{\n\t" + "\n\t".join(options) + "\n}\n" + text)
    return [program, "run", "--adapter", "caddyfile", "--config", str(file)]


def _nginx(program: str, folder: Path, places: Places) -> list[str]:
    text = places.replaced((ADAPTERS / "serve-nginx/home.conf").read_text())
    text = text.replace("listen 443 ssl", f"listen {places.address}:{places.port}")
    lines = [line for line in text.splitlines() if "ssl_certificate" not in line]
    (folder / "home.conf").write_text("\n".join(lines) + "\n")
    return _nginx_with(program, folder, f"include {folder}/home.conf;")


def other_app(folder: Path, port: int) -> list[str]:
    """Write an app that is not Python's into *folder*; return what starts it."""
    below = folder / "other"
    below.mkdir()
    return _nginx_with(_program("nginx"), below, _SAYS.format(port=port))


def _nginx_with(program: str, folder: Path, inside: str) -> list[str]:
    file = folder / "nginx.conf"
    file.write_text(_NGINX.format(folder=folder, inside=inside))
    return [program, "-e", "stderr", "-c", str(file)]


def _program(kind: str) -> str:
    places = f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin"
    program = shutil.which(kind, path=places)
    if program is None:
        pytest.skip(f"there is no {kind} here: `make test` installs it")
    return program


def _traefik(program: str, folder: Path, places: Places) -> list[str]:
    text = places.replaced((ADAPTERS / "serve-traefik/dynamic.yaml").read_text())
    dynamic = yaml.safe_load(text)
    for router in dynamic["http"]["routers"].values():
        assert router.pop("tls") == {}
    (folder / "dynamic.yaml").write_text(yaml.safe_dump(dynamic))
    static = yaml.safe_load((ADAPTERS / "serve-traefik/traefik.yaml").read_text())
    static["entryPoints"]["websecure"]["address"] = f"{places.address}:{places.port}"
    static["providers"]["file"]["filename"] = str(folder / "dynamic.yaml")
    file = folder / "traefik.yaml"
    file.write_text(yaml.safe_dump(static))
    return [program, f"--configfile={file}"]


def _envoy(program: str, folder: Path, places: Places) -> list[str]:
    found = yaml.safe_load((ADAPTERS / "serve-envoy/envoy.yaml").read_text())
    (listener,) = found["static_resources"]["listeners"]
    listener["address"]["socket_address"].update(
        address=places.address, port_value=places.port
    )
    (chain,) = listener["filter_chains"]
    del chain["transport_socket"]
    (manager,) = chain["filters"]
    for host in manager["typed_config"]["route_config"]["virtual_hosts"]:
        host["domains"] = [
            f"{name.replace('home.example', 'home.test')}:{places.port}"
            for name in host["domains"]
        ]
    ports = {"authz": places.serve, "grafana": places.grafana, "wiki": places.wiki}
    for cluster in found["static_resources"]["clusters"]:
        endpoint = _only(_only(cluster["load_assignment"]["endpoints"])["lb_endpoints"])
        endpoint["endpoint"]["address"]["socket_address"] = {
            "address": "127.0.0.1",
            "port_value": ports[cluster["name"]],
        }
    file = folder / "envoy.yaml"
    file.write_text(yaml.safe_dump(found))
    # Nothing of another Envoy on this machine is its business.
    return [program, "-c", str(file), "--disable-hot-restart", "--concurrency", "1"]


def _only(values: list[Any]) -> Any:
    (value,) = values
    return value


_WRITERS = {"caddy": _caddy, "nginx": _nginx, "traefik": _traefik, "envoy": _envoy}
