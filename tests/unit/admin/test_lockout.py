"""An administrator remains, whatever is taken away, also by several at once."""

import os
from pathlib import Path
from typing import Any

import pytest

from authz.administration import Administration, names_in
from authz.decision import signed_in
from authz.identity.people import Person
from authz.policy.build import build_policy
from authz.settings.providers import Provider
from tests import races

MODEL = (Path(__file__).parents[3] / "model.conf").read_text(encoding="utf-8")
RULES = "p, role:user, /map, GET\np, role:admin, /*, *\n"
#: So many for each store; `AUTHZ_RACES=10000` for the whole proof.
RACES = int(os.environ.get("AUTHZ_RACES", "16"))
SSO = Provider(source="sso", method="headers")


def administers(
    policy: str, *people: Person, providers: tuple[Provider, ...] = (), **more: Any
) -> str | None:
    """Return who can administer with *policy* and *people*, if anybody can."""
    lines = [line.split(", ") for line in (RULES + policy).splitlines()]
    built = build_policy(MODEL, (RULES + policy).encode(), partial=True).policy
    found = Administration(
        policy=built,
        names=names_in(lines),
        people=people,
        providers=providers,
        **more,
    ).somebody()
    return None if found is None else found.name


def person(id_: str = "ann", **fields: Any) -> Person:
    """Return somebody with a password."""
    given = {"display_name": id_, "source": "local", "password_hash": races.HASH}
    return Person(id=id_, **(given | fields))


ANN = "g, user:ann, role:admin\n"


@pytest.mark.parametrize(
    ("policy", "people"),
    [
        pytest.param(ANN, [], id="nobody"),
        pytest.param(ANN, [person(password_hash="")], id="no password"),
        pytest.param(ANN, [person(disabled=True)], id="disabled"),
        pytest.param(ANN, [person("Ann")], id="another id"),
        pytest.param("g, user:x, role:admin\n", [person()], id="no role"),
        pytest.param(ANN + "p, user:ann, /authz/*, *, deny\n", [person()], id="a deny"),
        pytest.param(
            ANN
            + "p, user:ann, /authz/api/*, POST, deny\n"
            + "p, role:admin, /authz/admin/rules, GET, deny\n",
            [person()],
            id="neither pages nor API",
        ),
        *(
            pytest.param(
                f"{ANN}p, {name}, {path}, {methods}, deny\n",
                [person()],
                id=f"{name} {path} {methods}",
            )
            for name, path, methods in [
                ("auth:anonymous", "/*", "*"),
                ("auth:anonymous", "/authz/*", "*"),
                ("auth:anonymous", "/authz/:page", "GET"),
                ("role:everyone", "/authz/sign-in", "GET"),
                ("role:everyone", "/authz/sign-in", "POST"),
                ("role:authenticated", "/authz/*", "POST"),
            ]
        ),
        pytest.param(
            ANN + "p, auth:local, /authz/*, POST, deny\n", [person()], id="how"
        ),
        pytest.param(
            "g, user:sso/ann, role:admin\n",
            [person("sso/ann", source="sso", password_hash="")],
            id="no provider",
        ),
        pytest.param("g, group:staff, role:admin\n", [person()], id="no group"),
    ],
)
def test_who_does_not_count(policy: str, people: list[Person]):
    """Whoever cannot sign in, or cannot get at the rules, is no administrator."""
    assert administers(policy, *people) is None


@pytest.mark.parametrize(
    "policy",
    [
        "p, role:admin, /authz/api/*, *, deny\n",
        "p, role:admin, /authz/admin/*, *, deny\n",
        "p, auth:anonymous, /authz/static/*, *, deny\n",
    ],
)
def test_pages_or_the_api_are_enough(policy: str):
    """Either is a way to see and change the rules; a page without style is one too."""
    assert administers(ANN + policy, person()) == "user:ann"


def test_who_comes_by_a_provider_needs_no_sign_in_page():
    """It is closed to strangers, and the provider's people arrive signed in."""
    policy = "p, auth:anonymous, /*, *, deny\n"

    assert administers(f"{ANN}{policy}", person()) is None
    assert administers(f"g, group:ops, role:admin\n{policy}", providers=(SSO,))
    assert administers(f"g, auth:headers, role:admin\n{policy}", providers=(SSO,))


def test_who_counts():
    """An enabled account with a password and the rights; not only `role:admin`."""
    assert administers(ANN, person("eve"), person()) == "user:ann"
    assert (
        administers(
            ANN
            + "p, role:boss, /authz/*, *\ng, role:chief, role:boss\n"
            + "g, user:bea, role:chief\n",
            person("bea"),
        )
        == "user:bea"
    )


@pytest.mark.parametrize(
    "policy",
    ["g, user:sso/ann, role:admin\n", "g, group:staff, role:admin\n"],
)
def test_who_has_the_provider_has_its_people(policy: str):
    """A person or a group that a provider vouches for counts, seen or not."""
    assert administers(policy, providers=(SSO,)) is not None
    denied = policy + "p, auth:headers, /authz/*, *, deny\n"
    assert administers(denied, providers=(SSO,)) is None


def test_a_disabled_person_of_a_provider_does_not_count():
    """Neither by name, nor as the one who makes the change."""
    policy = "g, user:sso/ann, role:admin\n"
    ann = person("sso/ann", source="sso", password_hash="", disabled=True)
    actor = signed_in("user:sso/ann", source="headers", display_name="Ann")

    assert administers(policy, ann, providers=(SSO,), actor=actor) is None
    assert administers(policy, actor=actor) == "user:sso/ann"


def test_a_token_does_not_count():
    """Whoever has only a token cannot sign in."""
    actor = signed_in("token:robot", source="token", display_name="robot")
    rights = "g, user:x, role:admin\ng, token:robot, role:admin\n"

    assert administers(rights, actor=actor) is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "file"])
def test_races(kind: str, tmp_path: Path, request: pytest.FixtureRequest):
    """Three processes take away what they can; somebody is always left."""
    url = None
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql").lend(request)
    tally = races.run(races.config_for(kind, tmp_path, url), RACES, processes=3)

    assert tally.races == RACES
    assert tally.lost == 0
    assert tally.outcomes["gave up"] == 0
    # The last one was in question, or nothing was tested.
    assert tally.outcomes["refused: the last one"] > RACES / 4
