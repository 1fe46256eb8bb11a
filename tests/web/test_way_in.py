"""An app stays open to its administrators, whatever comes in as a policy, and how."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

import authz
from authz.admin.break_glass import open_glass
from authz.cli.app import shell
from authz.errors import PolicyError
from authz.extension import get_authz
from tests.web.api.client import Api
from tests.web.apps import ALICE, CHEAP_ALICE, POLICY, Client, RecordingSink, browser_of

MakeApp = Callable[..., Flask]
SHIPPED_MODEL = Path(authz.__file__).with_name("model.conf")
CLOSING = [
    "p, auth:anonymous, /*, *, deny",
    "p, role:everyone, /*, *, deny",
    "p, role:everyone, /authz/sign-in, POST, deny",
    "p, auth:anonymous, /authz/*, GET, deny",
    "p, role:authenticated, /authz/*, *, deny",
    "p, auth:local, /*, POST, deny",
    "p, role:admin, /authz/:area/*, *, deny",
]


def policy_file(app: Flask) -> Path:
    """Return where the policy of *app* is."""
    return Path(app.config["AUTHZ_POLICY"])


def seeded(folder: Path, policy: str) -> dict[str, str]:
    """Return the settings of an app with a new database in *folder* with *policy*."""
    (folder / "seed.csv").write_text(policy)
    return {
        "AUTHZ_POLICY": "",
        "AUTHZ_STORE": "sqlite:///{folder}/a.db",
        "AUTHZ_POLICY_SEED": "{folder}/seed.csv",
    }


def code_for_anna(app: Flask) -> str:
    """Return what `authz break-glass` says in a shell of the host of *app*."""
    lasts = timedelta(minutes=5)
    return open_glass(get_authz(app).context, shell(), user="anna", lasts=lasts)[0]


@pytest.mark.parametrize("rule", CLOSING)
def test_a_file_edited_by_hand_closes_nothing(
    app: Flask, sink: RecordingSink, rule: str
):
    """The last good policy serves on, says which line it was, and lets people in."""
    before = get_authz(app).runtime.policy.revision
    policy_file(app).write_text(f"{POLICY}{rule}\n")
    get_authz(app).runtime.refresh()

    refused = sink.events[-1]
    assert (str(refused.tag), refused.revision) == ("policy:refused", before)
    line = (POLICY + rule).count("\n") + 1
    assert f"{policy_file(app)}:{line}: `{rule}`" in refused.detail["problem"]
    alice = browser_of(app, "alice")
    assert alice(path="/authz/admin/rules").status == 200


def test_what_is_mended_comes_into_force(app: Flask):
    """A file that was refused is taken as soon as it is good."""
    runtime = get_authz(app).runtime
    before = runtime.policy.revision
    policy_file(app).write_text(f"{POLICY}{CLOSING[0]}\n")
    runtime.refresh()
    policy_file(app).write_text(f"{POLICY}p, role:user, /more, GET\n")
    runtime.refresh()

    assert runtime.policy.revision != before
    assert runtime.live.problem is None


@pytest.mark.parametrize("rule", CLOSING)
def test_a_first_policy_that_closes_the_app_is_told(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, rule: str
):
    """There is nothing to fall back on: the app starts, and the line is named."""
    app = make_app(f"{POLICY}{rule}\n")

    line = (POLICY + rule).count("\n") + 1
    warned = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert any(f"{policy_file(app)}:{line}: `{rule}`" in text for text in warned)


def test_a_model_opens_nothing_that_no_rule_names(make_app: MakeApp, tmp_path: Path):
    """Neither when it is there at the start, nor when it is put there later."""
    model, good = tmp_path / "own.conf", SHIPPED_MODEL.read_text(encoding="utf-8")
    opening = good.replace("m = ", 'm = r.obj == "/map" && r.act == "GET" || ')
    model.write_text(opening)

    with pytest.raises(PolicyError, match="are let in where") as refused:
        make_app(AUTHZ_MODEL=str(model))

    assert refused.value.problems[0].where == model.name
    model.write_text(good)
    app = make_app(AUTHZ_MODEL=str(model))
    model.write_text(opening)
    policy_file(app).write_text(f"{POLICY}p, role:user, /more, GET\n")
    get_authz(app).runtime.refresh()
    assert "are let in where" in str(get_authz(app).runtime.live.problem)
    assert Client(app)(path="/map", accept="application/json").status == 401


def test_a_closed_sign_in_page_leads_nowhere(make_app: MakeApp):
    """It does not send people to itself for ever, and says what is wrong."""
    client = Client(make_app(f"{POLICY}{CLOSING[0]}\n"))

    answer = client(path="/authz/sign-in", accept="text/html")

    assert answer.status == 401
    assert "denies the sign-in page itself" in answer.text
    assert client("POST", "/authz/sign-in", form={}).status == 401


@pytest.mark.parametrize("rule", CLOSING)
def test_break_glass_works_whatever_the_policy_says(
    make_app: MakeApp, tmp_path: Path, rule: str
):
    """The code opens the administration, where the policy is then mended."""
    app = make_app(**seeded(tmp_path, f"{POLICY}{rule}\n"))
    code = code_for_anna(app)
    anna = Client(app)

    assert anna(path="/authz/break-glass").status == 200
    assert anna("POST", "/authz/break-glass", form={"code": code}).status == 303
    rules = anna(path="/authz/api/v1/rules?effect=deny")
    (denied,) = rules.json["items"]
    assert anna(path="/authz/admin/rules").status == 200
    removed = anna(
        "DELETE",
        f"/authz/api/v1/rules/{denied['id']}",
        if_match=rules.headers["ETag"],
    )

    assert removed.status in {200, 204}, removed.text
    alice = browser_of(app, "alice")
    assert alice(path="/authz/admin/rules").status == 200


def test_a_first_policy_without_administrators_can_be_mended(
    make_app: MakeApp, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    """The app starts, closed, and names the line; break-glass makes administrators."""
    app = make_app(
        AUTHZ_ADMIN="",
        AUTHZ_ADMIN_PASSWORD="",
        AUTHZ_USER="alice",
        AUTHZ_USER_PASSWORD=CHEAP_ALICE,
        **seeded(tmp_path, f"{POLICY}g, role:boss, role:admin\n"),
    )
    assert "but nobody can use them" in caplog.text
    code = code_for_anna(app)
    anna, alice = Client(app), browser_of(app, "alice")
    assert alice(path="/authz/admin/rules").status == 403
    anna("POST", "/authz/break-glass", form={"code": code})

    api = Api(anna)
    given = api(
        "POST", "/grants", {"member": "user:alice", "role": "role:admin"}, match="*"
    )

    assert given.status == 201, given.text
    assert alice.sign_in("alice", ALICE).status == 303
    assert alice(path="/authz/admin/rules").status == 200


def test_break_glass_opens_nothing_else(make_app: MakeApp, tmp_path: Path):
    """Pages of the app stay as the policy has them."""
    app = make_app(
        **seeded(tmp_path, f"{POLICY}p, auth:break-glass, /admin, *, deny\n")
    )
    code = code_for_anna(app)
    anna = Client(app)
    anna("POST", "/authz/break-glass", form={"code": code})

    assert anna(path="/admin").status == 403
    assert Client(app)(path="/authz/admin/rules").status == 302
