"""Manifests for Kubernetes with Traefik: valid, narrow, and in step with each other."""

import json
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from jsonschema import Draft202012Validator

from authz.identity.presets import PRESETS
from authz.policy.csv_rows import read_rows
from authz.policy.rules import policy_from_rows
from authz.settings import read_settings
from tests.adapters.deployments.places import ADAPTERS, Cluster, load

FOLDER = ADAPTERS / "traefik"
MUSIC = Cluster(FOLDER)
SERVE = Cluster(ADAPTERS / "serve-traefik" / "kubernetes")
one = MUSIC.one
SCHEMA = json.loads(
    Path(__file__).with_name("traefik_schema.json").read_text(encoding="utf-8")
)
#: A release that is in use, and the newest whose schemas are at hand.
RELEASES = ("1.31", kubernetes_validate.latest_version())
DOCUMENTS = [
    pytest.param(
        document, id=f"{name}/{document['kind']}/{document['metadata']['name']}"
    )
    for cluster, more in ((MUSIC, ["secret.example.yaml"]), (SERVE, []))
    for name in (*cluster.applied, *more)
    for document in load(cluster.folder / name)
]
BOTH = pytest.mark.parametrize("cluster", [MUSIC, SERVE], ids=["music", "serve"])


@pytest.fixture(name="pod", scope="module")
def _pod() -> dict[str, Any]:
    pod: dict[str, Any] = one("Deployment")["spec"]["template"]["spec"]
    return pod


@pytest.fixture(name="container", scope="module")
def _container(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["containers"]
    return container


class TestTheFiles:
    """Each document by itself."""

    @pytest.mark.parametrize("document", DOCUMENTS)
    def test_it_is_valid(self, document: dict[str, Any]):
        """Against the schemas of Kubernetes, or those of Traefik."""
        if document["apiVersion"].startswith("traefik.io/"):
            problems = [
                f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
                for error in Draft202012Validator(SCHEMA).iter_errors(document)
            ]
            assert problems == []
            return
        for release in RELEASES:
            kubernetes_validate.validate(document, release, strict=True)

    @BOTH
    def test_every_file_is_applied(self, cluster: Cluster):
        """But the example of secrets, and what is Traefik's own."""
        there = {path.name for path in cluster.folder.glob("*.yaml")}
        apart = {"kustomization.yaml", "secret.example.yaml", "traefik-values.yaml"}

        assert there - apart == set(cluster.applied)

    def test_no_secret_is_in_git(self):
        """The example holds nothing but placeholders, and is not applied."""
        assert not any(name.startswith("secret") for name in MUSIC.applied)
        for document in load(FOLDER / "secret.example.yaml"):
            assert all(v.startswith("<") for v in document["stringData"].values())


class TestThePod:
    """No more than it needs."""

    @BOTH
    def test_it_is_narrow_and_pinned(self, cluster: Cluster):
        """The pod security standard `restricted`, which the namespace enforces."""
        pod = cluster.one("Deployment")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 1000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is False
        assert re.search(r":\d+\.\d+\.\d+$", container["image"])
        labels = cluster.one("Namespace")["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"

    def test_it_can_write_only_where_it_must(
        self, pod: dict[str, Any], container: dict[str, Any]
    ):
        """Its own folders; the policy and the secrets are read-only."""
        kinds = {volume["name"]: set(volume) - {"name"} for volume in pod["volumes"]}
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}

        assert set(kinds) == set(mounts)
        for name, kind in kinds.items():
            assert mounts[name].get("readOnly", False) is (kind != {"emptyDir"}), name

    def test_its_probes_ask_authz(self, container: dict[str, Any]):
        """Live while the process is, ready while it has a policy and its keys."""
        assert container["livenessProbe"]["httpGet"]["path"] == "/authz/healthz"
        assert container["startupProbe"]["httpGet"]["path"] == "/authz/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/authz/readyz"

    def test_secrets_come_as_files(
        self, pod: dict[str, Any], container: dict[str, Any]
    ):
        """Variables name the files; only the database's password is a variable."""
        data = one("ConfigMap", "music-settings")["data"]
        mounted = next(
            m["mountPath"] for m in container["volumeMounts"] if m["name"] == "secrets"
        )
        example = load(FOLDER / "secret.example.yaml")[0]
        files = {f"{mounted}/{name}" for name in example["stringData"]}
        named = {v for name, v in data.items() if name.endswith("_FILE")}

        assert named == files
        secret = next(v["secret"] for v in pod["volumes"] if v["name"] == "secrets")
        assert secret == {"secretName": "music-secrets", "defaultMode": 0o440}
        assert [e["name"] for e in container["env"]] == ["POSTGRES_PASSWORD"]

    def test_authz_knows_the_settings(self, tmp_path: Path):
        """The app starts with them, for people of Authentik's groups."""
        secret = tmp_path / "secret"
        secret.write_text("0123456789abcdef" * 4, encoding="utf-8")
        data = one("ConfigMap", "music-settings")["data"]
        settings = read_settings(
            {}, {k: str(secret) if k.endswith("_FILE") else v for k, v in data.items()}
        )

        assert settings.proxy.name == "authentik"
        assert not settings.accounts
        roles = {group: role for group, role, _ in settings.proxy.groups}
        assert roles == {
            "group:music-admins": "role:admin",
            "group:music-users": "role:user",
        }

    def test_the_policy_is_one(self):
        """Until the real one is applied, administrators get in and nobody else."""
        text = one("ConfigMap", "music-policy")["data"]["policy.csv"]
        rows = read_rows(text.encode(), source="policy.csv").rows
        policy = policy_from_rows(rows, partial=True)

        assert {rule.subject for rule in policy.rules} == {
            "role:everyone",
            "role:admin",
        }


class TestTheWayIn:
    """Only through Traefik, and only as Authentik says."""

    @BOTH
    def test_the_service_finds_the_pod(self, cluster: Cluster):
        """Labels and ports agree."""
        template = cluster.one("Deployment")["spec"]["template"]
        (container,) = template["spec"]["containers"]
        service = cluster.one("Service")["spec"]
        assert service["selector"].items() <= template["metadata"]["labels"].items()
        assert service["ports"][0]["targetPort"] == container["ports"][0]["name"]
        assert service.get("type", "ClusterIP") == "ClusterIP"

    def test_nobody_else_reaches_the_pod(self, container: dict[str, Any]):
        """Traefik, and music servers with the API token; never a whole namespace."""
        policy = one("NetworkPolicy")["spec"]
        labels = one("Deployment")["spec"]["template"]["metadata"]["labels"]
        assert policy["podSelector"]["matchLabels"].items() <= labels.items()
        assert policy["policyTypes"] == ["Ingress"]
        for rule in policy["ingress"]:
            assert rule["ports"] == [
                {"protocol": "TCP", "port": container["ports"][0]["containerPort"]}
            ]
            for peer in rule["from"]:
                assert peer["namespaceSelector"]["matchLabels"]
                assert peer["podSelector"]["matchLabels"]
        first = policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"]
        assert first == {"app.kubernetes.io/name": "traefik"}

    def test_what_a_client_says_of_itself_is_taken_away_first(self):
        """Each header of the preset is emptied, then set by Authentik's answer."""
        headers = one("Middleware", "music-strip")["spec"]["headers"]
        emptied = headers["customRequestHeaders"]
        answered = one("Middleware", "music-authentik")["spec"]["forwardAuth"]
        preset = PRESETS["authentik"]
        assert preset.headers
        assert preset.jwt
        believed = {
            preset.headers.user,
            preset.headers.groups,
            preset.headers.display_name,
            *preset.headers.others,
            preset.jwt.header,
        }

        assert set(emptied.values()) == {""}
        assert believed <= set(emptied)
        assert set(answered["authResponseHeaders"]) == set(emptied)
        assert "X-authentik-jwt" in answered["authResponseHeaders"]
        assert answered["address"].endswith("/outpost.goauthentik.io/auth/traefik")

    def test_every_page_asks_authentik_but_its_own(self):
        """The outpost's pages have a higher priority, or nobody could sign in."""
        app, outpost = one("IngressRoute")["spec"]["routes"]
        assert [m["name"] for m in app["middlewares"]] == [
            "music-strip",
            "music-authentik",
        ]
        assert app["match"] == "Host(`app.company`)"
        assert "middlewares" not in outpost
        assert outpost["match"] == (
            "Host(`app.company`) && PathPrefix(`/outpost.goauthentik.io/`)"
        )
        assert outpost["priority"] > app["priority"]
        assert outpost["services"][0]["name"] != app["services"][0]["name"]
        assert app["services"][0]["name"] == one("Service")["metadata"]["name"]

    def test_traefik_is_told_about_twins_of_headers(self):
        """`X_authentik_jwt` is deleted before it can be taken for the real one."""
        values = load(FOLDER / "traefik-values.yaml")[0]
        arguments = " ".join(values["additionalArguments"])

        assert "aliasHeadersStrategy=delete" in arguments
        assert values["providers"]["kubernetesCRD"]["allowCrossNamespace"] is True
