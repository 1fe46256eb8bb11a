"""Metrics tell how the guard is doing, and nothing about anybody."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from authz.errors import SettingsError
from authz.extension import get_authz
from tests.web.apps import POLICY, Client, browser_of

pytestmark = pytest.mark.app(AUTHZ_METRICS=True)


def samples(alice: Client) -> dict[tuple[str, ...], float]:
    """Return every sample by name and label values."""
    answer = alice(path="/authz/metrics")
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_is_decided(app: Flask, alice: Client):
    """By effect, reason and source, and never by name or path."""
    bob, stranger = browser_of(app, "bob"), Client(app)
    bob.sign_in("bob", "wrong")
    for _ in range(3):
        assert bob(path="/map").status == 200
    assert bob(path="/admin").status == 403
    assert stranger(path="/admin", ACCEPT="application/json").status == 401
    assert stranger(path="/x/../y").status == 400

    found = samples(alice)

    count = "authz_decisions_total"
    assert found[count, "allow", "allowed-by-rule", "local"] >= 3
    assert found[count, "deny", "no-rule", "local"] == 1
    assert found[count, "deny", "no-rule", "anonymous"] == 1
    assert found[count, "deny", "malformed", "anonymous"] == 1
    assert found["authz_sign_ins_total", "success"] == 2
    assert found["authz_sign_ins_total", "failure"] == 1
    assert found[("authz_hook_seconds_count",)] >= 8
    text = str(found)
    assert "bob" not in text
    assert "/map" not in text


def test_the_policy(app: Flask, alice: Client):
    """Which is in force, how often it changed, whether the newest cannot be used."""
    path = Path(app.config["AUTHZ_POLICY"])
    runtime = get_authz(app).runtime
    path.write_text(POLICY + "p, role:user, /new, GET\n")
    runtime.refresh()
    path.write_text("broken")
    runtime.refresh()

    found = samples(alice)

    assert found["authz_policy_info", runtime.policy.revision] == 1
    assert found[("authz_policy_reloads_total",)] == 1
    assert found[("authz_policy_refusals_total",)] == 1
    assert found[("authz_policy_problem",)] == 1
    assert 0 <= found[("authz_store_age_seconds",)] < 60


@pytest.mark.parametrize(
    ("setting", "value"),
    [("AUTHZ_AUDIT_FILE", "{}/audit.jsonl"), ("AUTHZ_STORE", "sqlite:///{}/authz.db")],
)
def test_the_audit_log(
    make_app: Callable[..., Flask], tmp_path: Path, setting: str, value: str
):
    """Events that were lost are counted."""
    app = make_app(AUTHZ_METRICS=True, **{setting: value.format(tmp_path)})
    alice = browser_of(app, "alice")
    log = get_authz(app).runtime.audit.sinks[0]
    log.drop(7)

    assert samples(alice)[("authz_audit_lost",)] == 7


def test_the_policy_says_who_sees_them(app: Flask, bob: Client, make_app):
    """They are no page for strangers; and without the setting there are none."""
    assert bob(path="/authz/metrics").status == 403
    assert Client(app)(path="/authz/metrics", ACCEPT="application/json").status == 401
    other = browser_of(make_app(), "alice")
    assert other(path="/authz/metrics").status == 404


def test_without_the_library(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
):
    """The start says what to install."""
    monkeypatch.delitem(sys.modules, "authz.web.metrics", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    with pytest.raises(SettingsError, match=r"authz-casbin\[metrics\]"):
        make_app(AUTHZ_METRICS=True)


def test_several_processes(
    make_app: Callable[..., Flask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """With a folder for the counts of all processes, theirs are shown."""
    folder = tmp_path / "metrics"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    app = make_app(AUTHZ_METRICS=True)
    alice = browser_of(app, "alice")

    answer = alice(path="/authz/metrics")

    assert answer.status == 200
    assert "authz_policy_info" in answer.text
