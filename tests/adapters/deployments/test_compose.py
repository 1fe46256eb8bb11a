"""Compose files: valid, pinned, narrow, and with settings that authz knows."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from authz.errors import SettingsError
from authz.identity.assertions import new_signing_key
from authz.settings import read_settings
from tests.adapters.deployments.places import ADAPTERS, COMPOSE_FILES, load

SCHEMA = json.loads(
    Path(__file__).with_name("compose_schema.json").read_text(encoding="utf-8")
)
#: Images that bring a health check of their own, or answer nobody.
CHECKS_ITSELF = ("audiomuse-authz", "authz-serve", "ghcr.io/goauthentik/server")
ANSWERS_NOBODY = {"worker", "authentik-worker"}
#: A tag that stays what it is: numbers, and not only the first of them.
PINNED = re.compile(r"[\w./-]+:\d+\.\d+(\.\d+)?(-\w+)?")
#: What a person may be reached by from the network.
DOORS = {
    "docker": {"audiomuse"},
    "caddy": {"caddy"},
    "demo-server": {"nginx"},
    "serve-traefik": {"traefik"},
}
#: Services that run authz.
OURS = ("audiomuse", "authz")


def compose(path: Path) -> dict[str, Any]:
    """Return the one document of a compose file."""
    (document,) = load(path)
    return document


def services() -> list[Any]:
    """Return each service of each file, named after both."""
    return [
        pytest.param(path, name, service, id=f"{path.parent.name}/{name}")
        for path in COMPOSE_FILES
        for name, service in compose(path)["services"].items()
    ]


def test_there_are_four():
    """Plain, behind Caddy with Authentik, the demo, and `authz serve`."""
    assert {path.parent.name for path in COMPOSE_FILES} == set(DOORS)


@pytest.mark.parametrize("path", COMPOSE_FILES, ids=lambda path: path.parent.name)
class TestTheFile:
    """Each file as a whole."""

    def test_it_is_valid(self, path: Path):
        """It keeps to the specification, and there is no `version:`."""
        problems = [
            f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
            for error in Draft202012Validator(SCHEMA).iter_errors(compose(path))
        ]

        assert problems == []

    def test_no_key_stands_twice(self, path: Path):
        """YAML would silently keep the last."""

        class Strict(yaml.SafeLoader):
            pass

        def mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Any:
            loader.flatten_mapping(node)
            keys = [loader.construct_object(key) for key, _ in node.value]
            merged = len(keys) - len(set(keys))
            assert not merged or any("<<" in str(k.value) for k, _ in node.value)
            return loader.construct_mapping(node)

        Strict.add_constructor("tag:yaml.org,2002:map", mapping)
        assert yaml.load(path.read_text("utf-8"), Strict)  # noqa: S506 - it is safe

    def test_what_it_refers_to_is_there(self, path: Path):
        """Networks, volumes, secrets, configs, files and other services."""
        document = compose(path)
        for name, service in document["services"].items():
            assert set(service["networks"]) <= set(document["networks"]), name
            for volume in service.get("volumes", ()):
                assert volume.split(":")[0] in document["volumes"], name
            assert set(service.get("secrets", ())) <= set(document.get("secrets", ()))
            for config in service.get("configs", ()):
                assert config["source"] in document["configs"], name
            assert set(service.get("depends_on", ())) <= set(document["services"])
        for config in document.get("configs", {}).values():
            assert "content" in config or (path.parent / config["file"]).is_file()

    def test_nothing_is_declared_for_nothing(self, path: Path):
        """A network, volume or secret that nobody uses is a mistake."""
        document = compose(path)
        used: dict[str, set[str]] = {kind: set() for kind in KINDS}
        for service in document["services"].values():
            used["networks"] |= set(service["networks"])
            used["volumes"] |= {v.split(":")[0] for v in service.get("volumes", ())}
            used["secrets"] |= set(service.get("secrets", ()))
            used["configs"] |= {c["source"] for c in service.get("configs", ())}

        for kind in KINDS:
            assert used[kind] == set(document.get(kind, ())), kind

    def test_secret_files_are_kept_out_of_git(self, path: Path):
        """The folder is there, and ignores whatever is put into it."""
        assert (path.parent / "secrets" / ".gitignore").read_text("utf-8").split() == [
            "*",
            "!.gitignore",
        ]

    def test_only_the_door_is_open(self, path: Path):
        """Nothing else is published; what is behind a proxy is not at all."""
        published = {
            name
            for name, service in compose(path)["services"].items()
            if service.get("ports")
        }

        assert published == DOORS[path.parent.name]

    def test_databases_have_no_way_out(self, path: Path):
        """Their networks lead nowhere."""
        document = compose(path)
        for name, service in document["services"].items():
            if "postgres" in name or name == "redis":
                for network in service["networks"]:
                    assert document["networks"][network] == {"internal": True}, name

    def test_its_variables_are_in_the_example(self, path: Path):
        """Whoever copies `.env.example` has named everything that is wanted."""
        named = set(re.findall(r"\$\{(\w+)", path.read_text("utf-8")))
        example = (path.parent / ".env.example").read_text("utf-8")

        assert named == set(re.findall(r"^(\w+)=", example, re.MULTILINE))

    def test_no_secret_has_a_default(self, path: Path):
        """A password that everybody has is none."""
        text = path.read_text("utf-8")
        for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", text):
            assert not re.search("PASSWORD|SECRET|KEY|TOKEN", name), default
        example = (path.parent / ".env.example").read_text("utf-8")
        assert not re.search(r"(?:PASSWORD|SECRET|KEY|TOKEN)=.", example)

    def test_authz_knows_the_settings(self, path: Path, tmp_path: Path):
        """The app starts with them: no misspelt name, nothing missing."""
        secret = tmp_path / "secret"
        secret.write_text("0123456789abcdef" * 4, encoding="utf-8")
        key = tmp_path / "key"
        key.write_text(new_signing_key(), encoding="utf-8")
        found = compose(path)["services"]
        (ours,) = (found[name] for name in OURS if name in found)
        environment = {
            name: re.sub(r"\$\{\w+(?::-([^}]*)|:\?[^}]*)?\}", _filled, value)
            for name, value in ours["environment"].items()
        }
        files = {"AUTHZ_FORWARD_KEYS_FILE": key}
        given = {
            name: str(files.get(name, secret)) if name.endswith("_FILE") else value
            for name, value in environment.items()
        }
        settings = read_settings({}, given)

        assert settings.accounts or settings.proxy
        with pytest.raises(SettingsError):
            read_settings({}, {**given, "AUTHZ_ADMIN_PASWORD": "x"})


def _filled(found: re.Match[str]) -> str:
    return found[1] or "app.company"


KINDS = ("networks", "volumes", "secrets", "configs")


@pytest.mark.parametrize(("path", "name", "service"), services())
class TestEachService:
    """What holds for each container."""

    def test_its_image_is_pinned(self, path: Path, name: str, service: dict[str, Any]):
        """The same file starts the same thing next year; never `latest`."""
        assert PINNED.fullmatch(service["image"]), service["image"]

    def test_it_gains_no_privileges(
        self, path: Path, name: str, service: dict[str, Any]
    ):
        """No file of it makes a process root."""
        assert "no-new-privileges:true" in service["security_opt"]

    def test_one_knows_whether_it_is_well(
        self, path: Path, name: str, service: dict[str, Any]
    ):
        """By a health check here or in its image, unless it answers nobody."""
        assert (
            "healthcheck" in service
            or service["image"].startswith(CHECKS_ITSELF)
            or name in ANSWERS_NOBODY
        )

    def test_the_guarded_app_is_narrow(
        self, path: Path, name: str, service: dict[str, Any]
    ):
        """No root, no capability, nothing to write to but what is named."""
        if name not in OURS:
            return
        assert service["user"] == "1000:1000"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service
        assert any(mount.startswith("/tmp") for mount in service["tmpfs"])  # noqa: S108
        inside = ADAPTERS.parent / "adapters/docker" / service["build"]["context"]
        assert (inside / service["build"]["dockerfile"]).resolve().is_file()
        for variable, value in service["environment"].items():
            if re.search("PASSWORD|SECRET|KEY|TOKEN", variable):
                assert variable.endswith("_FILE") or value.startswith("${"), variable


@pytest.mark.slow
def test_caddy_reads_both_sites(tmp_path: Path):
    """The app's Caddyfile as it stands, and Authentik's own pages beside it."""
    folder = ADAPTERS / "caddy"
    document = compose(folder / "compose.yaml")
    text = document["configs"]["all"]["content"].replace("$$", "$")
    text = text.replace("/etc/caddy/Caddyfile", str(folder / "Caddyfile"))
    (tmp_path / "all").write_text(text, encoding="utf-8")
    environment = {
        **document["services"]["caddy"]["environment"],
        "SITE_ADDRESS": "app.company",
        "AUTHENTIK_ADDRESS": "authentik.company",
    }
    caddy = shutil.which("caddy") or "/usr/bin/caddy"
    result = subprocess.run(
        [caddy, "adapt", "--adapter", "caddyfile", "--config", str(tmp_path / "all")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    adapted = json.loads(result.stdout)
    routes = adapted["apps"]["http"]["servers"]["srv0"]["routes"]

    assert {host for route in routes for host in route["match"][0]["host"]} == {
        "app.company",
        "authentik.company",
    }
    assert adapted["admin"] == {"listen": "localhost:2019"}
