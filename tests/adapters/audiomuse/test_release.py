"""What a release of the app has that nobody looked at is named."""

import sys
from collections.abc import Callable, Iterator

import pytest
from authz_audiomuse.commands import audiomuse
from authz_audiomuse.fields.listed import read_fields
from authz_audiomuse.host import Host
from authz_audiomuse.release import fields_read, gone_routes, review
from click.testing import CliRunner
from flask import request

from authz.policy.csv_rows import read_rows
from authz.policy.rules import policy_from_rows
from tests.adapters.audiomuse.rig import ACCOUNTS, STAND_IN, guarded, imported

POLICY = (
    b"p, role:admin, /*, *\np, role:user, /map, GET\np, role:user, /api/new/:id, GET\n"
)
RULES = policy_from_rows(read_rows(POLICY, source="p").rows, partial=True).rules


@pytest.fixture(name="host")
def _host() -> Iterator[Host]:
    with imported({}) as host:
        yield host


def found(host: Host) -> list[str]:
    """Return what is to be looked at, each as its place."""
    return [problem.where for problem in review(host, RULES, read_fields())]


def reads_a_field() -> str:
    """Answer with what was sent, as a view of the app does."""
    data = request.get_json(silent=True) or {}
    return str(data.get("n")) + str(request.args.get("surprise")) + str(data["query"])


def test_what_is_known_is_not_named(host: Host):
    """Every route, field and place of the release that the list was made from."""
    assert found(host) == []
    assert gone_routes(host.app) == ()


def test_a_new_route_is_named(host: Host):
    """The administrators' rule for everything does not hide it; one of its own does."""
    host.app.add_url_rule("/api/danger", "danger", lambda: "", methods=["POST"])
    host.app.add_url_rule("/api/new/<int:id>", "new", lambda: "")
    host.app.add_url_rule("/map", "map_post", lambda: "", methods=["DELETE"])
    host.app.add_url_rule("/plugins/x/", "plugin_x", lambda: "")

    assert found(host) == ["POST /api/danger", "DELETE /map"]


def test_a_new_field_is_named(host: Host):
    """Where people may send it; what is known or listed is not named."""
    host.app.add_url_rule("/api/new/<int:id>", "new", reads_a_field)

    assert fields_read(reads_a_field) == {"n", "surprise", "query"}
    assert found(host) == ["/api/new/<int:id>: `surprise`"]


def _no_menu(host: Host) -> None:
    host.app.jinja_loader = None


def _no_servers(host: Host) -> None:
    del host.servers.servers_for_ui  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (_no_menu, "AudioMuse-AI, sidebar_navi.html"),
        (_no_servers, "AudioMuse-AI, servers_for_ui"),
    ],
)
def test_what_moved_is_named(host: Host, change: Callable[[Host], None], where: str):
    """Templates and functions that the adapter takes hold of."""
    change(host)

    assert where in found(host)


def test_it_is_told_at_start(caplog: pytest.LogCaptureFixture):
    """In the log, and nothing is opened by it."""
    with guarded(plugins=("news",), **ACCOUNTS) as rig:
        assert "nobody has looked at" not in caplog.text
        assert rig.signed_in("bob")(path="/plugins/news/").status == 403


def test_the_command(monkeypatch: pytest.MonkeyPatch):
    """It ends with 0 if all is known, and with 4 if there is something.

    It is run in the folder of the app, which Python looks in for no script by itself.
    """
    with imported({}) as host:
        monkeypatch.chdir(STAND_IN)
        monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(STAND_IN)])
        monkeypatch.delitem(sys.modules, "app_server_context")
        fine = CliRunner().invoke(audiomuse, ["check"])
        host.app.add_url_rule("/api/danger", "danger", lambda: "")
        new = CliRunner().invoke(audiomuse, ["check"])

    assert (fine.exit_code, new.exit_code) == (0, 4)
    assert "nothing new" in fine.output
    assert "GET /api/danger: AudioMuse-AI has this address" in new.output
