"""Bodies that an administrator, or a program on their behalf, must not get through.

Each is a name, a method, a path, a body (a value to send as JSON, or bytes as they are)
and the least and the most that the status may be. None of them may change anything.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

RULE = {"subject": "role:user", "path": "/talk", "methods": ["GET"]}
GRANT = {"member": "user:carol", "role": "role:user"}
_WORDS = "paper boat harbour lamp"
_DAVE = {"id": "dave", "display_name": "Dave", "password": _WORDS}


class Case(NamedTuple):
    """One hostile request."""

    name: str
    method: str
    path: str
    body: Any
    #: Whether the `If-Match` that is sent is good.
    match: str = "good"


def cases() -> Iterator[Case]:
    """Yield every case."""
    yield from _shapes()
    yield from _bytes()
    yield from _rules()
    yield from _grants()
    yield from _changes()
    yield from _elsewhere()
    yield from _imports()


def _shapes() -> Iterator[Case]:
    """Other types than the declared ones, missing, unknown and surplus fields."""
    for path, good in (("/rules", RULE), ("/grants", GRANT)):
        for name, value in (
            ("null", None),
            ("number", 7),
            ("true", True),
            ("float", 1.5),
            ("list", ["role:user"]),
            ("object", {"$ne": ""}),
            ("empty", ""),
        ):
            for field in good:
                if field == "methods" and name == "list":
                    continue
                yield Case(
                    f"{path} {field} {name}", "POST", path, {**good, field: value}
                )
        for field in good:
            rest = {k: v for k, v in good.items() if k != field}
            yield Case(f"{path} without {field}", "POST", path, rest)
        for surplus in (
            {"id": "L1"},
            {"author": "user:root"},
            {"created": "2020-01-01T00:00:00Z"},
            {"origin": "AUTHZ_ADMIN"},
            {"fixed": True},
            {"__proto__": {"admin": True}},
            {"role_": "role:admin"},
            {"Subject": "role:admin"},
            {"subject ": "role:admin"},
        ):
            name = f"{path} surplus {next(iter(surplus))}"
            yield Case(name, "POST", path, {**good, **surplus})
        for name, body in (
            ("null", None),
            ("list", [good]),
            ("string", json.dumps(good)),
            ("number", 0),
            ("empty object", {}),
        ):
            sent = b"null" if body is None else body
            yield Case(f"{path} body {name}", "POST", path, sent)


def _bytes() -> Iterator[Case]:
    """Bytes that are no JSON, or JSON that can be read in two ways."""
    good = json.dumps(RULE)
    inner = good[1:-1]
    for name, data in (
        ("nothing", b""),
        ("blank", b" \n"),
        ("cut off", good[:-3].encode()),
        ("trailing", (good + "{}").encode()),
        ("two documents", f"{good}\n{good}".encode()),
        ("single quotes", good.replace('"', "'").encode()),
        ("comment", f"{good}//".encode()),
        ("trailing comma", f"{{{inner},}}".encode()),
        ("byte order mark", b"\xef\xbb\xbf" + good.encode()),
        ("utf-16", good.encode("utf-16")),
        ("latin-1", good.replace("talk", "t\xe4lk").encode("latin-1")),
        (
            "overlong",
            good.replace("/talk", "\x01").encode().replace(b"\x01", b"\xc0\xaf"),
        ),
        ("nul", good.encode().replace(b"talk", b"ta\x00lk")),
        ("form", b"subject=role:user&path=/talk&methods=GET"),
        ("xml", b"<rule subject='role:user'/>"),
        ("pickle", b"\x80\x04K\x01."),
        ("twice", f'{{{inner},"subject":"role:admin"}}'.encode()),
        ("twice escaped", f'{{{inner},"\\u0073ubject":"role:admin"}}'.encode()),
        ("NaN", f'{{{inner},"disabled":NaN}}'.encode()),
        ("Infinity", f'{{{inner},"disabled":-Infinity}}'.encode()),
        ("huge number", f'{{{inner},"disabled":1e999}}'.encode()),
        ("long number", f'{{{inner},"disabled":{"9" * 5000}}}'.encode()),
        ("lone surrogate", good.replace("talk", "\\ud800").encode()),
        ("lone surrogate name", f'{{{inner},"\\udfff":1}}'.encode()),
        ("deep list", b"[" * 30_000 + b"]" * 30_000),
        ("deep object", b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
        ("deep field", f'{{{inner},"note":{"[" * 900}{"]" * 900}}}'.encode()),
        ("a megabyte", json.dumps({**RULE, "note": "x" * 1_000_000}).encode()),
        (
            "many fields",
            json.dumps({**RULE, **{str(n): n for n in range(5000)}}).encode(),
        ),
    ):
        yield Case(f"bytes {name}", "POST", "/rules", data)


def _rules() -> Iterator[Case]:
    """Rules that no policy may hold."""
    for field, values in (
        ("subject", (
            "admin", "role:", "user:", ":", "role:*", "user:*", "*", "role:admin\n",
            "role:admin\np, role:user, /*, *", "role:user\u0000", "user:a\u202eb",
            "user:a\u200bb", "user: bob", "user:bob ", "user:a  b", 'user:a"b', "user:a\\b",
            "ROLE:admin", "role:" + "x" * 300, "=cmd()", "http:x", "user:\ufeffa",
        )),
        ("path", (
            "talk", "", "//talk", "/talk//x", "/a/../b", "/./a", "/a/*/b", "/*a", "/a*",
            "/**", "/a?x=1", "/a#b", "/a b\n", "/:", "/:a-b!", "/a/:x/*y", "/a\\b", "/[ab]",
            "/(a|b)", "/a\u0000", "/a\np, role:user, /*, *", "/" + "x" * 3000,
            "https://evil.test/", "/%2e%2e/a", "/a/%2f",
        )),
        ("methods", (
            [], [""], ["get"], ["FLY"], ["GET", "GET"], ["GET|POST"], ["GET", "*"],
            ["* "], ["GET\n"], ["(GET)|(POST)"], [None], [7], [["GET"]], "GET",
            ["GET"] * 30, ["x" * 50],
        )),
        ("effect", ("", "Allow", "permit", "allow\n", "deny ", None, True)),
        ("note", ("a\nb", "\u001b[2J", "\u202e", "x" * 501, None, 7, ["x"])),
        ("disabled", ("true", 1, 0, None, "", [])),
        ("why", ("a\nb", "x" * 501, None, {"a": 1}, "\u0000")),
    ):  # fmt: skip
        for number, value in enumerate(values):
            body = {**RULE, field: value}
            yield Case(
                f"rule {field} {number} {str(value)[:20]!r}", "POST", "/rules", body
            )


def _grants() -> Iterator[Case]:
    """Grants that no policy may hold, or that would open it."""
    for member, role in (
        ("role:everyone", "role:admin"),
        ("auth:anonymous", "role:admin"),
        ("user:carol", "role:everyone"),
        ("user:carol", "role:authenticated"),
        ("user:carol", "user:alice"),
        ("user:carol", "group:admins"),
        ("user:carol", "admin"),
        ("user:carol", "role:admin\n"),
        ("admin", "role:user"),
        ("role:admin", "role:admin"),
        ("", ""),
        ("user:a\ng, user:mallory, role:admin", "role:user"),
        ("user:a, role:admin\ng, user:b", "role:user"),
        ("*", "role:admin"),
        ("user:carol", "token:x"),
    ):
        body = {"member": member, "role": role}
        yield Case(f"grant {member!r} {role!r}", "POST", "/grants", body)


def _changes() -> Iterator[Case]:
    """Sets of changes of which one is bad, and ways to lose the administration."""
    fine = {"do": "add", "rule": RULE}

    def several(name: str, *changes: Any, why: Any = "") -> Case:
        body = {"changes": list(changes), "why": why}
        return Case(f"changes {name}", "POST", "/changes", body)

    deny = {**RULE, "effect": "deny", "methods": ["*"]}
    admin = {"do": "remove", "id": "L9"}  # p, role:admin, /*, *
    yield several("no change", None)
    yield several("unknown", fine, {"do": "drop"})
    yield several("without do", fine, {"rule": RULE})
    yield several("both", {**fine, "grant": GRANT})
    yield several("neither", {"do": "add"})
    yield several("remove and rule", {"do": "remove", "id": "L5", "rule": RULE})
    yield several("remove what is not there", fine, {"do": "remove", "id": "L99"})
    yield several(
        "remove twice", {"do": "remove", "id": "L5"}, {"do": "remove", "id": "L5"}
    )
    yield several("disable what is removed", {"do": "remove", "id": "L5"},
                  {"do": "disable", "id": "L5"})  # fmt: skip
    yield several("id of a comment", fine, {"do": "remove", "id": "L1"})
    yield several("id with a path", fine, {"do": "remove", "id": "../L5"})
    yield several("id as a number", fine, {"do": "remove", "id": 5})
    yield several("empty id", fine, {"do": "remove", "id": ""})
    yield several("the same twice", fine, fine)
    yield several("too many", *[{"do": "remove", "id": "L5"}] * 501)
    yield several("why missing", fine, why=None)
    yield several("the last admin rule", fine, admin)
    yield several("disable the last admin rule", {"do": "disable", "id": "L9"})
    yield several("admin rule becomes GET", {
        "do": "replace", "id": "L9",
        "rule": {"subject": "role:admin", "path": "/*", "methods": ["GET"]},
    })  # fmt: skip
    yield several("admin rule becomes another's", {
        "do": "replace", "id": "L9",
        "rule": {"subject": "role:user", "path": "/*", "methods": ["*"]},
    })  # fmt: skip
    for subject in ("user:alice", "role:admin", "auth:local", "role:authenticated",
                    "role:everyone"):  # fmt: skip
        for path in ("/*", "/authz/*", "/authz/api/*", "/authz/api/v1/changes"):
            rule = {**deny, "subject": subject, "path": path}
            yield several(f"deny {subject} {path}", {"do": "add", "rule": rule})
    yield several("a circle", {"do": "add", "grant": {"member": "role:a", "role": "role:b"}},
                  {"do": "add", "grant": {"member": "role:b", "role": "role:a"}})  # fmt: skip
    yield several(
        "remove every rule", *({"do": "remove", "id": f"L{n}"} for n in range(2, 10))
    )


def _elsewhere() -> Iterator[Case]:
    """Bodies, methods and addresses in the wrong place."""
    yield Case("PUT of a rule by another id", "PUT", "/rules/L99", RULE)
    yield Case("PUT of a grant as a rule", "PUT", "/grants/L5", GRANT)
    yield Case("PUT of a fixed grant", "PUT", "/grants/", GRANT)
    yield Case("DELETE with a body", "DELETE", "/rules/L5", RULE)
    yield Case(
        "DELETE with a surplus parameter", "DELETE", "/rules/L5?force=true", None
    )
    yield Case("DELETE with a long why", "DELETE", f"/rules/L5?why={'x' * 501}", None)
    yield Case("DELETE with a line end in why", "DELETE", "/rules/L5?why=a%0Ab", None)
    yield Case("DELETE of all", "DELETE", "/rules", None)
    yield Case("DELETE of a star", "DELETE", "/rules/*", None)
    yield Case("PATCH", "PATCH", "/rules/L5", RULE)
    yield Case("POST with a stale etag", "POST", "/rules", RULE, "stale")
    yield Case("PUT with a star", "PUT", "/rules/L5", RULE, "*")
    yield Case("DELETE with a star", "DELETE", "/rules/L5", None, "*")
    yield Case("rollback to nowhere", "POST", "/revisions/77/rollback", {"why": ""})
    yield Case("rollback with a surplus", "POST", "/revisions/1/rollback",
               {"why": "", "to": 1})  # fmt: skip
    yield Case("preview applies", "POST", "/changes/preview",
               {"changes": [], "why": "", "apply": True})  # fmt: skip


def _imports() -> Iterator[Case]:
    """Imports that are no policy, or one that could not be in force, and tests."""

    def one(name: str, content: Any, form: Any = "csv", mode: Any = "replace") -> Case:
        body = {"format": form, "content": content, "mode": mode, "why": ""}
        return Case(f"import {name}", "POST", "/import", body)

    fine = "p, role:admin, /*, *\n"
    yield one("of nothing", "")
    yield one("of another format", fine, form="xlsx")
    yield one("in another mode", fine, mode="append")
    yield one("of a list", [fine])
    yield one("of a merge", fine + "<<<<<<< HEAD\n")
    yield one("of a byte order mark inside", fine + "\ufeffp, role:user, /, GET\n")
    yield one("of a control character", fine + "p, role:user, /\u0085, GET\n")
    yield one("of a bad row", fine + "p, role:user, /x\n")
    yield one("of another kind of row", fine + "p2, role:user, /x, GET\n")
    yield one("without rules", "g, user:alice, role:admin\n")
    yield one("without the administration", "p, role:user, /*, *\n")
    yield one(
        "with everybody an administrator", fine + "g, role:everyone, role:admin\n"
    )
    yield one("with a circle", fine + "g, role:a, role:b\ng, role:b, role:a\n")
    yield one("with a deny against all", fine + "p, role:everyone, /*, *, deny\n")
    yield one("with a deny against alice", fine + "p, user:alice, /authz/*, *, deny\n")
    yield one("of JSON as CSV", '{"schema": "authz/v1", "entries": []}')
    yield one("of CSV as JSON", fine, form="json")
    yield one("of a table without a header", "p,role:admin,/*,*\n", form="casbin_rule")
    for content in (
        "tests: [",
        "tests: &a [*a]",
        "!!python/object:os.system {}",
        "a: 1",
    ):
        yield Case(f"policy tests {content!r}", "POST", "/policy-tests",
                   {"content": content})  # fmt: skip
    yield Case("policy tests of a number", "POST", "/policy-tests", {"content": 7})


def people_cases() -> list[tuple[str, str, Any]]:
    """Return hostile requests about people."""
    bad: list[tuple[str, str, Any]] = [
        ("POST", "/people", {**_DAVE, **more})
        for more in (
            {"id": None}, {"id": ""}, {"id": "a/b"}, {"id": "a b"}, {"id": "role:admin"},
            {"id": "../alice"}, {"id": "alice"}, {"id": "ALICE"}, {"id": "\uff41lice"},
            {"id": "x" * 65}, {"id": "dave\n"}, {"id": ["dave"]}, {"id": "da\u202eve"},
            {"id": "*"}, {"id": "$admin"}, {"id": 7}, {"id": "dave\u0000"},
            {"display_name": ""}, {"display_name": "a\nb"}, {"display_name": "\u001b[1m"},
            {"display_name": "x" * 300}, {"display_name": None}, {"display_name": {}},
            {"password": ""}, {"password": "short"}, {"password": "x" * 5000},
            {"password": None}, {"password": ["x" * 20]}, {"password": "dave" * 5},
            {"password": "\u0000" * 20}, {"role": "role:admin"}, {"roles": ["role:admin"]},
            {"source": "sso"}, {"fixed": True}, {"epoch": 7}, {"password_hash": "$argon2id$"},
            {"groups": ["group:admins"]}, {"disabled": False}, {"is_admin": True},
            {"inherit": "true"}, {"inherit": 1}, {"Id": "root"}, {"created": "2020"},
        )
    ]  # fmt: skip
    edit = {"display_name": "x", "disabled": False}
    bad += [
        ("PUT", "/people/local/erin", {**edit, **more})
        for more in (
            {"id": "alice"}, {"password": _WORDS}, {"epoch": 0}, {"source": "sso"},
            {"disabled": None}, {"disabled": "no"}, {"display_name": 7}, {"roles": []},
            {"display_name": "a\u2028b"}, {"fixed": False}, {"groups": []},
        )
    ]  # fmt: skip
    bad += [
        ("PUT", "/people/local/erin/password", body)
        for body in ({}, {"password": "short"}, {"password": None}, [], {"passwd": _WORDS},
                     {"password": _WORDS, "id": "alice"}, {"password": "x" * 20})
    ]  # fmt: skip
    bad += [
        ("PUT", "/people/sso/erin", edit),
        ("PUT", "/people/local/nobody", edit),
        ("DELETE", "/people/local/nobody", None),
        ("DELETE", "/people/local/alice", None),
        ("DELETE", "/people/local/*", None),
        ("DELETE", "/people/local/erin?all=true", None),
        ("DELETE", "/people/local", None),
        ("DELETE", "/people", None),
        ("DELETE", "/sessions/local/*", None),
        ("DELETE", "/sessions/sso/erin", None),
        ("PATCH", "/people/local/erin", edit),
        ("GET", "/people?search=" + "x" * 300, None),
        ("GET", "/people?order=password_hash", None),
        ("GET", "/people?role=admin", None),
        ("GET", "/people?limit=1000000", None),
    ]
    return bad
