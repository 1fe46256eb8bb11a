"""Where the worked deployments are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from authz.decision import ANONYMOUS, Grant, Origin
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import read_rows
from authz.policy.rules import policy_from_rows

ADAPTERS = Path(__file__).parents[3] / "adapters"
COMPOSE_FILES = sorted(ADAPTERS.glob("*/compose.yaml"))
GUIDES = sorted(ADAPTERS.glob("*/README.md"))


def load(path: Path) -> list[dict[str, Any]]:
    """Return the YAML documents in *path*."""
    return [doc for doc in yaml.safe_load_all(path.read_text("utf-8")) if doc]


@dataclass(frozen=True)
class Cluster:
    """The manifests for Kubernetes in one folder."""

    folder: Path

    @property
    def applied(self) -> list[str]:
        """The files that are applied."""
        (listed,) = load(self.folder / "kustomization.yaml")
        return list(listed["resources"])

    def one(self, kind: str, name: str = "") -> dict[str, Any]:
        """Return the only document of *kind*, or the one called *name*."""
        (found,) = (
            document
            for file in self.applied
            for document in load(self.folder / file)
            if document["kind"] == kind and name in {"", document["metadata"]["name"]}
        )
        return found


def demo_policy() -> CompiledPolicy:
    """Return the policy of the public demo, in which strangers hold a role."""
    stranger = Grant(
        member=ANONYMOUS.name, role="role:demo", origin=Origin("AUTHZ_ANONYMOUS_ROLE")
    )
    data = (ADAPTERS / "demo-server" / "policy.csv").read_bytes()
    found = read_rows(data, source="policy.csv")
    assert found.warnings == ()
    return CompiledPolicy(policy_from_rows(found.rows, grants=[stranger], partial=True))
