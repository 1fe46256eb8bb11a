"""A policy leaves a store and comes into one, whole."""

import csv
import io
import json

import pytest

from authz.admin import changes
from authz.admin.context import AdminContext
from authz.admin.transfer import Form, Mode, exported, imported, read
from authz.errors import PolicyError
from authz.policy.csv_rows import read_rows
from tests.unit.admin.conftest import ALICE


def said(context: AdminContext) -> set[object]:
    """Return what the store says."""
    entries = changes.state(context).entries
    return {(e.row.kind, e.row.fields, e.note, e.disabled) for e in entries}


def test_the_table_holds_what_is_in_force(context: AdminContext):
    """Casbin's adapters read it; what is disabled is not in it."""
    text = exported(changes.state(context), Form.CASBIN_RULE)
    rows = list(csv.reader(io.StringIO(text)))

    assert rows[0] == ["ptype", "v0", "v1", "v2", "v3", "v4", "v5"]
    assert rows[1] == ["p", "role:user", "/map", "GET", "", "", ""]
    assert len(rows) == 7
    assert not imported(context, text, Form.CASBIN_RULE, Mode.MERGE).changes


def test_an_exported_file_is_a_policy(context: AdminContext):
    """It is read by the strict reader, whatever the notes say."""
    text = exported(changes.state(context), Form.CSV)

    assert len(read_rows(text.encode()).rows) == 6
    assert "# disabled: p, role:user, /chat, POST\n" in text
    assert "# note: all of it\n" in text


def test_merging_only_adds(context: AdminContext):
    """What is there stays as it is, its note too."""
    text = "# note: new\np, role:user, /map, GET\np, role:user, /new, GET\n"
    before = said(context)

    changes.apply(
        context, ALICE, imported(context, text, Form.CSV, Mode.MERGE), note=""
    )

    assert said(context) - before == {("p", ("role:user", "/new", "GET"), "", False)}
    assert before <= said(context)


def test_tables_of_other_adapters():
    """An id in front and NULL behind are theirs."""
    text = "id,ptype,v0,v1,v2,v3\n7,p,role:user,/map,GET,NULL\n8,g,user:a,role:user,,\n"

    assert [(e.row.kind, e.row.fields) for e in read(text, Form.CASBIN_RULE)] == [
        ("p", ("role:user", "/map", "GET")),
        ("g", ("user:a", "role:user")),
    ]


def export(*entries: object, schema: str = "authz/v1") -> str:
    """Return an export that holds *entries*, as JSON."""
    return json.dumps({"schema": schema, "entries": entries})


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (Form.CSV, "p, role:user, /map, GET\n<<<<<<< HEAD\n"),
        (Form.CSV, "p;role:user;/map;GET\n"),
        (Form.CSV, "\ud800"),
        (Form.JSON, ""),
        (Form.JSON, "[]"),
        (Form.JSON, "[" * 100_000),
        (Form.JSON, export(schema="authz/v2")),
        (Form.JSON, export() + "x"),
        (Form.JSON, export({"row": []})),
        (Form.JSON, export({"row": ["p", 7]})),
        (Form.JSON, export({"row": ["p", "a\np, b, /*, *"]})),
        (Form.JSON, export({"row": ["p", "role:a", "/", "GET"], "note": "a\nb"})),
        (Form.JSON, export({"row": ["g", "user:a", "role:b"], "disabled": "no"})),
        (Form.CASBIN_RULE, ""),
        (Form.CASBIN_RULE, "p,role:user,/map,GET\n"),
        (Form.CASBIN_RULE, "ptype,v0,v2\np,a,b\n"),
        (Form.CASBIN_RULE, 'ptype,v0\np,"a\np, role:user, /*, *"\n'),
        (Form.CASBIN_RULE, 'ptype,v0\np,"a\n'),
        (Form.CASBIN_RULE, "ptype,v0\n#p,role:user\n"),
    ],
)
def test_what_cannot_be_read(form: Form, content: str):
    """It is refused whole, with the place."""
    with pytest.raises(PolicyError, match="the import"):
        read(content, form)
