"""Authentik's blueprints: parsed with its tags, and what they refer to is there."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from authz.settings import read_settings
from tests.adapters.deployments.places import ADAPTERS, COMPOSE_FILES, load

FILES = sorted((ADAPTERS / "authentik").glob("blueprint*.yaml"))
#: The tags that Authentik's own loader knows, and whether they take a list.
SCALAR_TAGS = {"KeyOf", "Env", "File", "Context", "ParseJSON", "Value", "Index"}
LIST_TAGS = {
    "Env", "File", "Context", "Format", "Find", "FindObject", "Condition", "If",
    "Enumerate", "AtIndex",
}  # fmt: skip
STATES = {"present", "created", "must_created", "absent"}
#: Models, and what Authentik asks for when one is made.
REQUIRED: dict[str, set[str]] = {
    "authentik_core.group": {"name"},
    "authentik_core.application": {"slug", "name"},
    "authentik_policies.policybinding": {"target", "order", "group"},
    "authentik_providers_proxy.proxyprovider": {
        "name", "mode", "external_host", "authorization_flow", "invalidation_flow",
    },
    "authentik_providers_oauth2.oauth2provider": {
        "name", "authorization_flow", "invalidation_flow", "redirect_uris",
        "client_id", "client_secret", "signing_key",
    },
    "authentik_crypto.certificatekeypair": {"name", "certificate_data", "key_data"},
    "authentik_outposts.outpost": {"managed", "providers"},
}  # fmt: skip


@dataclass(frozen=True)
class Tag:
    """A value that Authentik fills in."""

    name: str
    value: Any


class Loader(yaml.SafeLoader):
    """Reads a blueprint and keeps its tags."""


def _tag(loader: Loader, suffix: str, node: yaml.Node) -> Tag:
    if isinstance(node, yaml.ScalarNode):
        assert suffix in SCALAR_TAGS, f"!{suffix} does not take one value"
        return Tag(suffix, node.value)
    assert isinstance(node, yaml.SequenceNode)
    assert suffix in LIST_TAGS, f"!{suffix} does not take a list"
    return Tag(suffix, loader.construct_sequence(node, deep=True))


Loader.add_multi_constructor("!", _tag)


def read(path: Path) -> dict[str, Any]:
    """Return the blueprint in *path*."""
    found: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506 - it is safe
    return found


def tags(value: Any, name: str) -> list[Any]:
    """Return what each tag *name* within *value* says."""
    if isinstance(value, Tag):
        found = [value.value] if value.name == name else []
        return found + tags(value.value, name)
    if isinstance(value, dict):
        return [each for inner in value.values() for each in tags(inner, name)]
    if isinstance(value, list):
        return [each for inner in value for each in tags(inner, name)]
    return []


def values(entry: dict[str, Any]) -> dict[str, Any]:
    """Return all that an entry sets."""
    return {**entry["identifiers"], **entry.get("attrs", {})}


@pytest.fixture(name="blueprint", params=FILES, ids=lambda path: path.stem)
def _blueprint(request: pytest.FixtureRequest) -> dict[str, Any]:
    return read(request.param)


def test_there_are_two():
    """One for forward auth, one for OpenID Connect."""
    assert {path.stem for path in FILES} == {"blueprint", "blueprint-oidc"}


class TestEach:
    """What holds for both."""

    def test_it_has_the_form_of_one(self, blueprint: dict[str, Any]):
        """Version, name, label, and entries with nothing unknown."""
        assert blueprint["version"] == 1
        assert blueprint["metadata"]["name"]
        label = blueprint["metadata"]["labels"]["blueprints.goauthentik.io/instantiate"]
        assert label == "true"
        assert set(blueprint) == {"version", "metadata", "context", "entries"}
        for entry in blueprint["entries"]:
            assert set(entry) <= {"model", "id", "state", "identifiers", "attrs"}
            assert entry["state"] in STATES

    def test_each_entry_is_whole(self, blueprint: dict[str, Any]):
        """Nothing that Authentik asks for is missing."""
        for entry in blueprint["entries"]:
            missing = REQUIRED[entry["model"]] - set(values(entry))
            assert missing == set(), entry["model"]
            assert entry["identifiers"]

    def test_what_it_refers_to_stands_before(self, blueprint: dict[str, Any]):
        """An entry can only point to one that was made already."""
        made: set[str] = set()
        for entry in blueprint["entries"]:
            assert set(tags(entry, "KeyOf")) <= made
            assert entry.get("id") not in made
            made |= {entry["id"]} if "id" in entry else set()
        for key in tags(blueprint["entries"], "Context"):
            assert key in blueprint["context"]
        for model, *conditions in tags(blueprint["entries"], "Find"):
            assert re.fullmatch(r"authentik_\w+\.\w+", model)
            assert all(len(condition) == 2 for condition in conditions)

    def test_no_secret_is_in_it(self, blueprint: dict[str, Any]):
        """Secrets are made by Authentik, or come from files."""
        for entry in blueprint["entries"]:
            for name, value in values(entry).items():
                if re.search("secret|key_data|password|certificate_data", name):
                    assert isinstance(value, Tag)
                    assert value.name == "File", name

    def test_members_of_the_two_groups_get_in_and_nobody_else(
        self, blueprint: dict[str, Any]
    ):
        """The application asks for one of them; without a binding it lets in all."""
        groups = {
            entry["id"]
            for entry in blueprint["entries"]
            if entry["model"] == "authentik_core.group"
        }
        bindings = [
            values(entry)
            for entry in blueprint["entries"]
            if entry["model"] == "authentik_policies.policybinding"
        ]
        assert {binding["group"].value for binding in bindings} == groups
        assert {binding["target"].value for binding in bindings} == {"application"}
        assert all(binding["enabled"] is True for binding in bindings)

    def test_its_groups_are_those_that_the_deployments_name(
        self, blueprint: dict[str, Any]
    ):
        """`music-admins` and `music-users`, in every file."""
        context = blueprint["context"]
        assert (context["admins"], context["users"]) == ("music-admins", "music-users")
        caddy = load(ADAPTERS / "caddy" / "compose.yaml")[0]["services"]["audiomuse"]
        environment = caddy["environment"]
        assert environment["AUTHZ_ADMIN_GROUPS"] == context["admins"]
        assert environment["AUTHZ_USER_GROUPS"] == context["users"]
        slug = context["slug"]
        assert environment["AUTHZ_JWT_ISSUER"].endswith(f"/application/o/{slug}/")


def test_forward_auth_lets_nothing_through():
    """No path is free of sign-in, and the embedded outpost has the provider."""
    entries = read(ADAPTERS / "authentik" / "blueprint.yaml")["entries"]
    (provider,) = (e for e in entries if e["model"].endswith("proxyprovider"))
    (outpost,) = (e for e in entries if e["model"].endswith("outpost"))

    assert provider["attrs"]["mode"] == "forward_single"
    assert provider["attrs"]["skip_path_regex"] == ""
    assert outpost["attrs"]["providers"] == [Tag("KeyOf", provider["id"])]


def test_the_other_one_signs_with_a_key_of_its_own():
    """So the app needs no secret to check a token."""
    entries = read(ADAPTERS / "authentik" / "blueprint-oidc.yaml")["entries"]
    (provider,) = (e for e in entries if e["model"].endswith("oauth2provider"))

    assert provider["attrs"]["signing_key"] == Tag("KeyOf", "signing-key")
    assert provider["attrs"]["client_type"] == "confidential"
    assert provider["attrs"]["redirect_uris"][0]["matching_mode"] == "strict"
    settings = read_settings(
        {},
        {
            "AUTHZ_PROXY_PRESET": "authentik",
            "AUTHZ_JWT_HEADER": "Authorization",
            "AUTHZ_JWT_ISSUER": "https://authentik.company/application/o/music/",
            "AUTHZ_JWT_AUDIENCE": provider["attrs"]["client_id"],
        },
    )
    assert set(settings.proxy.issuers[0].algorithms) == {"RS256"}


def test_variables_and_files_are_given_to_authentik():
    """What the blueprint reads, the compose file sets."""
    (caddy,) = (path for path in COMPOSE_FILES if path.parent.name == "caddy")
    worker = load(caddy)[0]["services"]["authentik-worker"]
    blueprint = read(ADAPTERS / "authentik" / "blueprint.yaml")

    assert set(tags(blueprint, "Env")) <= set(worker["environment"])
    assert tags(blueprint, "File") == []
