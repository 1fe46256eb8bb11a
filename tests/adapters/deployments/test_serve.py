"""The set-ups of `authz serve`: in step with each other, and with what it answers.

That each proxy does what is wanted is seen in `tests/serve/test_real_proxies.py`, with
these very files; here is what no proxy of ours can show, and Kubernetes.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from authz.extension import get_authz
from authz.identity.assertions import new_signing_key
from authz.policy.csv_rows import read_rows
from authz.serve import create_app
from tests.adapters.deployments.places import ADAPTERS, Cluster, load
from tests.serve.served import TOLD
from tests.web.apps import CHEAP_ALICE, RecordingSink

FOLDER = ADAPTERS / "serve-traefik"
ROOT = ADAPTERS.parent
one = Cluster(FOLDER / "kubernetes").one


@pytest.fixture(name="files")
def _files(tmp_path: Path) -> dict[str, str]:
    """What an installation has where the set-ups name it."""
    (tmp_path / "key").write_text(new_signing_key())
    (tmp_path / "password").write_text(CHEAP_ALICE)
    return {
        "AUTHZ_MODEL": str(ROOT / "model-scoped.conf"),
        "AUTHZ_FORWARD_KEYS_FILE": str(tmp_path / "key"),
        "AUTHZ_ADMIN_PASSWORD_FILE": str(tmp_path / "password"),
    }


@pytest.fixture(name="starts")
def _starts() -> Iterator[Any]:
    """Return a function that starts `authz serve` with settings, for a moment."""
    made = []

    def starts(settings: dict[str, str]) -> None:
        made.append(create_app(settings, audit=RecordingSink()))

    yield starts
    assert made
    for app in made:
        get_authz(app).runtime.close()


def test_the_compose_file_starts_it(starts: Any, files: dict[str, str], tmp_path: Path):
    """Its settings, policy and model fit each other, and a host each has a rule."""
    (document,) = load(FOLDER / "compose.yaml")
    settings = {**document["services"]["authz"]["environment"], **files}
    settings["AUTHZ_STORE"] = f"sqlite:///{tmp_path}/authz.db"
    settings["AUTHZ_POLICY_SEED"] = str(FOLDER / "policy.csv")
    settings["AUTHZ_ADMIN"] = "admin"
    starts(settings)


def test_the_manifests_start_it(starts: Any, files: dict[str, str], tmp_path: Path):
    """Likewise, with the policy and the model of the ConfigMap."""
    data = one("ConfigMap", "authz-policy")["data"]
    for name, text in data.items():
        (tmp_path / name).write_text(text)
    starts(
        {
            **one("ConfigMap", "authz-settings")["data"],
            **files,
            "AUTHZ_POLICY": str(tmp_path / "policy.csv"),
            "AUTHZ_MODEL": str(tmp_path / "model.conf"),
        }
    )


def test_the_cluster_has_the_same_rules():
    """As the file beside it, and the model that is shipped."""
    data = one("ConfigMap", "authz-policy")["data"]
    there = read_rows(data["policy.csv"].encode()).rows
    here = read_rows((FOLDER / "policy.csv").read_bytes()).rows
    assert [(r.kind, r.fields) for r in there] == [(r.kind, r.fields) for r in here]
    shipped = (ROOT / "model-scoped.conf").read_text()
    plain = "\n".join(line for line in shipped.splitlines() if not line.startswith("#"))
    assert data["model.conf"].strip() == plain.strip()


@pytest.mark.parametrize("name", ["caddy", "nginx", "traefik", "envoy"])
def test_every_header_is_taken_away_and_set(name: str):
    """Each set-up names all that `authz serve` says, and no other."""
    (path,) = (
        p
        for p in (ADAPTERS / f"serve-{name}").iterdir()
        if p.name in {"Caddyfile", "home.conf", "dynamic.yaml", "envoy.yaml"}
    )
    text = path.read_text().lower()
    for header in TOLD:
        assert header.lower() in text, header
    assert set(re.findall(r"remote-[a-z]+|x-authz-[a-z]+", text)) == {
        header.lower() for header in TOLD
    }


def test_envoy_lets_nothing_through_without_an_answer():
    """And sends what is decided by: cookie, tokens, where a page is from."""
    text = (ADAPTERS / "serve-envoy/envoy.yaml").read_text()
    manager = yaml.safe_load(text)["static_resources"]["listeners"][0]["filter_chains"]
    config = manager[0]["filters"][0]["typed_config"]
    first, last = config["http_filters"]
    asks = first["typed_config"]
    assert asks["failure_mode_allow"] is False
    assert last["name"] == "envoy.filters.http.router"
    sent = {p.get("exact") or p["prefix"] for p in asks["allowed_headers"]["patterns"]}
    assert {"cookie", "authorization", "origin", "accept", "sec-fetch-"} <= sent
    taken = config["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    assert {m["remove"] for m in taken} >= {header.lower() for header in TOLD}
    portal = config["route_config"]["virtual_hosts"][-1]
    assert portal["domains"] == ["auth.home.example"]
    assert portal["routes"][0]["direct_response"] == {"status": 404}


def test_the_cluster_asks_as_the_file_does():
    """The same headers, the same order, the same door that questions find shut."""
    dynamic = yaml.safe_load((FOLDER / "dynamic.yaml").read_text())["http"]
    for name in ("authz-strip", "authz"):
        there, here = one("Middleware", name)["spec"], dynamic["middlewares"][name]
        if "forwardAuth" in there:
            assert there["forwardAuth"]["address"].endswith(":9080/authz/forward")
            keys = {"authResponseHeaders", "trustForwardHeader"}
            there, here = (
                {k: v for k, v in each["forwardAuth"].items() if k in keys}
                for each in (there, here)
            )
        assert there == here
    *apps, portal = one("IngressRoute")["spec"]["routes"]
    for route in apps:
        assert [m["name"] for m in route["middlewares"]] == ["authz-strip", "authz"]
    assert "middlewares" not in portal
    assert portal["match"] == dynamic["routers"]["portal"]["rule"]
    asked = {router["rule"] for router in dynamic["routers"].values()}
    assert {route["match"] for route in (*apps, portal)} == asked


def test_only_traefik_reaches_what_is_behind_it():
    """Each pod of the namespace, and no whole namespace at once."""
    policy = one("NetworkPolicy")["spec"]
    assert policy["podSelector"] == {}
    (rule,) = policy["ingress"]
    (peer,) = rule["from"]
    assert peer["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "traefik"}
    assert peer["namespaceSelector"]["matchLabels"]


def test_the_image_is_pinned_and_not_root():
    """Nothing is done after the user is chosen, and its check asks authz itself."""
    text = (FOLDER / "Dockerfile").read_text()
    assert re.search(r"^ARG PYTHON_TAG=\d+\.\d+\.\d+-slim$", text, re.MULTILINE)
    before, _, after = text.partition("USER 1000:1000")
    assert "RUN" in before
    assert not re.search(r"^(RUN|COPY)", after, re.MULTILINE)
    assert '"authz.healthcheck", "http://127.0.0.1:9080/authz/healthz"' in after
    for source in re.findall(r"^COPY (.*) \S+$", before, re.MULTILINE):
        for each in source.split():
            assert (ROOT / each).exists(), each
