"""The list of fields is read strictly, and an operator's entries come first."""

from pathlib import Path

import pytest
from authz_audiomuse.fields.listed import Action, FieldList, read_fields

from authz.errors import SettingsError
from tests.adapters.audiomuse.rig import ACCOUNTS, guarded

ENTRY = '[[field]]\nnames = ["x"]\naction = "refuse"\nwhy = "w"\n'


def own(tmp_path: Path, text: str) -> FieldList:
    """Read a list of one's own."""
    path = tmp_path / "fields.toml"
    path.write_text(text, encoding="utf-8")
    return read_fields(path)


def test_an_operators_entries_come_first(tmp_path: Path):
    """What a plugin needs can be let through, on its paths only."""
    listed = own(
        tmp_path,
        '[[field]]\nnames = ["feed_url"]\npaths = ["/plugins/news/*"]\n'
        'action = "allow"\nwhy = "a feed"\n[unknown]\ncontains = ["Feed-Me"]\n',
    )

    found = listed.find("/plugins/news/add", "feed_url")
    assert found
    assert found.action is Action.ALLOW
    for path, name in (
        ("/plugins/news", "feed_url"),
        ("/api/track", "feed_url"),
        ("/plugins/news/add", "feedme"),
        ("/plugins/news/add", "token"),
    ):
        found = listed.find(path, name)
        assert found is not None, name
        assert found.action is Action.REFUSE, name


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[field", "this is not TOML"),
        ("[fields]\n", "`fields` is not known here: write one of `field`, `unknown`"),
        ("[unknown]\nword = []\n", "`word` is not known here"),
        (ENTRY.replace("why", "because"), "field 1: `because` is not known here"),
        (ENTRY.replace('why = "w"', ""), "field 1: it does not say why"),
        (ENTRY.replace("refuse", "deny"), "`deny` is no action: write one of `allow`"),
        (ENTRY.replace('["x"]', "[]"), "it names no field"),
        (ENTRY.replace('["x"]', '"x"'), "it names no field"),
        (ENTRY + 'paths = ["api"]\n', "`paths` are not paths"),
        (ENTRY + 'paths = "/api"\n', "`paths` are not paths"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, told: str):
    """Nothing of a list with a mistake is used, and the mistake is told."""
    with pytest.raises(SettingsError) as caught:
        own(tmp_path, text)

    assert told in str(caught.value)


def test_all_mistakes_at_once(tmp_path: Path):
    """The operator need not start again for each of them."""
    with pytest.raises(SettingsError) as caught:
        own(tmp_path, ENTRY.replace("refuse", "deny") * 2 + "[other]\n")

    assert len(caught.value.problems) == 3


def test_a_missing_file(tmp_path: Path):
    """It is named, and the app does not start."""
    missing = tmp_path / "nothing.toml"
    with (
        pytest.raises(SettingsError, match="AUTHZ_AUDIOMUSE_FIELDS: the file"),
        guarded(**ACCOUNTS, AUTHZ_AUDIOMUSE_FIELDS=str(missing)),
    ):
        pass


def test_the_shipped_list_knows_its_own_fields():
    """Each listed field does what its entry says on each of its paths."""
    listed = read_fields()

    for field in listed.fields:
        for path in field.paths or ("/api/search_tracks",):
            for name in field.names:
                found = listed.find(path.replace(":id", "7"), name)
                assert found
                assert found.action is field.action
