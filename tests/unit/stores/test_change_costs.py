"""What a change to a policy file takes: the file is large, and read by several."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from authz.extension import get_authz
from authz.policy import build, recent_rows
from authz.stores.file import policy as policy_file
from tests.web.apps import (
    ALICE,
    CHEAP_ALICE,
    POLICY,
    Client,
    RecordingSink,
    guarded_app,
)
from tests.web.pages.walk import apply, draft_rule, hidden

_APPLY = "/authz/admin/changes/apply"


def test_a_change_is_read_parsed_and_built_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The file is read twice to change it, once when locked, and twice to notice it.

    What is shown of a draft parses its new line and builds the policy that would be; to
    apply it parses and builds nothing more.
    """
    app = guarded_app(
        tmp_path / "policy.csv",
        POLICY,
        RecordingSink(),
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
        AUTHZ_POLICY_WRITABLE="true",
        AUTHZ_POLL_SECONDS="3600",
    )
    done: Counter[str] = Counter()

    def count(module: Any, name: str) -> None:
        real = getattr(module, name)

        def counted(*given: Any, **named: Any) -> Any:
            done[name] += 1
            return real(*given, **named)

        monkeypatch.setattr(module, name, counted)

    alice = Client(app)
    alice.sign_in("alice", ALICE)
    draft_rule(alice, "role:user", "/first/:id")
    apply(alice, "the first change keeps the file that was there as well")
    count(policy_file, "read_with_stat")
    count(recent_rows, "read_rows")
    count(recent_rows, "read_again")
    count(build, "CompiledPolicy")

    draft_rule(alice, "role:user", "/new/:id")
    form = hidden(alice(path="/authz/admin/changes").text, _APPLY)
    assert done["read_rows"] == 0
    assert done["read_again"] == 1
    assert done["CompiledPolicy"] == 1
    done.clear()
    applied = alice("POST", _APPLY, form=form | {"note": "a test"})

    assert applied.status == 303
    assert done == {"read_with_stat": 4}
    get_authz(app).runtime.close()
