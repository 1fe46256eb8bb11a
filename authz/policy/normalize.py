"""A rule may leave out its effect; Casbin's own tools want it written."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from authz.policy.csv_rows import Row

#: Returns a row with every field that the model has.
Normalize = Callable[[Row], Row]


def normalizer(rules: Mapping[str, Sequence[str]]) -> Normalize:
    """Return what writes out the effect of rows, where a model has one.

    *rules* are the fields of each kind of rule, as the model names them.
    """
    short = {
        kind: len(fields) - 1 for kind, fields in rules.items() if fields[-1] == "eft"
    }

    def normalize(row: Row) -> Row:
        if len(row.fields) != short.get(row.kind):
            return row
        return Row(row.kind, (*row.fields, "allow"), row.origin)

    return normalize


#: For the shipped model.
normalize_row: Final = normalizer({"p": ("sub", "obj", "act", "eft")})
