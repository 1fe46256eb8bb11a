"""The canonical spelling of a policy file: `authz fmt`.

Blanks, line ends and quotes become uniform. Comments, the order of lines and what each
line says stay.
"""

from authz.errors import InvalidValue, PolicyError
from authz.policy.csv_rows import Row, read_rows, spell


def formatted(data: bytes, *, source: str = "policy.csv") -> bytes:
    """Return *data* as it is spelled canonically: what is so already stays as it is.

    Each row is spelled as `spell` does; blanks at line ends go; more than one blank
    line in a row becomes one, and none begins or ends the file; lines end with LF.

    Raises:
        PolicyError: if *data* cannot be read; it is then left alone.
    """
    rows = {row.origin.line: row for row in read_rows(data, source=source).rows}
    lines: list[str] = []
    text = data.decode().removeprefix("\ufeff")
    for number, raw in enumerate(text.split("\n"), start=1):
        row = rows.get(number)
        line = _spelled(row) if row else raw.removesuffix("\r").strip(" \t")
        if line or (lines and lines[-1]):
            lines.append(line)
    while lines and not lines[-1]:
        lines.pop()
    return "".join(f"{line}\n" for line in lines).encode()


def _spelled(row: Row) -> str:
    try:
        return spell(row.kind, *row.fields)
    except InvalidValue as error:
        raise PolicyError.at(
            str(row.origin),
            "no spelling of the line would be read back as it is",
            "take the quotes or blanks at the ends of its fields away",
        ) from error
