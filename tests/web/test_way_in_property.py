"""Whatever a policy denies: an app that takes it can be administered by somebody."""

from collections.abc import Callable
from pathlib import Path

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz.extension import get_authz
from tests.web.apps import ALICE, POLICY, Client, RecordingSink

_NAMES = [
    "auth:anonymous", "auth:local", "auth:headers", "role:everyone",
    "role:authenticated", "role:admin", "role:user", "user:alice", "user:bob",
]  # fmt: skip
_PATHS = [
    "/*", "/:a/*", "/authz/*", "/authz/:page", "/authz/sign-in", "/authz/admin/*",
    "/authz/admin/rules", "/authz/admin/changes/:what", "/authz/api/*",
    "/authz/api/v1/rules", "/authz/api/v1/changes", "/authz/static/*", "/map",
]  # fmt: skip
_PAGES = [
    ("GET", "/admin/rules"),
    ("GET", "/admin/rules/new"),
    ("POST", "/admin/rules/new"),
    ("POST", "/admin/changes/draft/remove"),
    ("GET", "/admin/changes"),
    ("POST", "/admin/changes/apply"),
]
_DENY = st.builds(
    "p, {}, {}, {}, deny".format,
    st.sampled_from(_NAMES),
    st.sampled_from(_PATHS),
    st.sampled_from(["*", "GET", "POST", "GET|POST", "DELETE"]),
)


def administers(app: Flask, sink: RecordingSink) -> bool:
    """Return whether alice really signs in, and sees and changes the rules."""
    alice = Client(app)
    if alice(path="/authz/sign-in").status != 200:
        return False
    if alice.sign_in("alice", ALICE).status != 303:
        return False

    def is_heard(method: str, path: str) -> bool:
        # What is sent says nothing, so nothing is changed: it is heard, or denied.
        before = sink.tags.count("decision:deny")
        alice(method, f"/authz{path}", form=None if method == "GET" else {"x": ""})
        return sink.tags.count("decision:deny") == before

    pages = [is_heard(*address) for address in _PAGES]
    api = [is_heard("GET", "/api/v1/rules"), is_heard("POST", "/api/v1/changes")]
    return all(pages) or all(api)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(denies=st.lists(_DENY, min_size=1, max_size=3))
def test_no_policy_closes_the_app_to_its_administrators(
    make_app: Callable[..., Flask],
    app: Flask,
    sink: RecordingSink,
    denies: list[str],
):
    """A policy is taken if, and only if, alice could administer with it."""
    policy = POLICY + "".join(f"{line}\n" for line in denies)
    file = Path(app.config["AUTHZ_POLICY"])
    runtime = get_authz(app).runtime
    file.write_text(POLICY)
    runtime.refresh()
    assert runtime.live.problem is None
    file.write_text(policy)
    runtime.refresh()

    assert administers(app, sink)
    if runtime.live.problem is not None:
        assert not administers(make_app(policy), sink)
