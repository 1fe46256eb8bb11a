"""Changes to the text of a policy that leave everything else as it stands.

Comments, blank lines, the order of lines and their ends are the operator's; a change
touches the line it is about and no other.
"""

from authz.errors import PolicyError, Problem
from authz.policy.csv_rows import Row, read_rows


def add_row(data: bytes, line: str) -> bytes:
    """Return *data* with *line* behind the last row for the same subject.

    A row for somebody new goes to the end. *line* is a row as `spell` returns it.

    Raises:
        PolicyError: if *data* cannot be read, or *line* is not one row.
    """
    (new,) = _rows_of(line.encode())
    alike = [
        row.origin.line
        for row in read_rows(data).rows
        if (row.kind, row.fields[:1]) == (new.kind, new.fields[:1])
    ]
    lines, end = _lines(data)
    position = alike[-1] if alike else len(lines)
    if position == len(lines) and lines and not lines[-1].endswith(b"\n"):
        lines[-1] += end
    lines.insert(position, line.encode() + end)
    return b"".join(lines)


def remove_row(data: bytes, row: Row) -> bytes:
    """Return *data* without *row*, which must stand where its origin says.

    Raises:
        PolicyError: if another row stands there; somebody changed the file.
    """
    lines = _lines_with(data, row)
    del lines[row.origin.line - 1]
    return b"".join(lines)


def replace_row(data: bytes, row: Row, line: str) -> bytes:
    """Return *data* with *line* in the place of *row*.

    Raises:
        PolicyError: if another row stands there, or *line* is not one row.
    """
    _rows_of(line.encode())
    lines = _lines_with(data, row)
    old = lines[row.origin.line - 1]
    lines[row.origin.line - 1] = line.encode() + old[len(old.rstrip(b"\r\n")) :]
    return b"".join(lines)


def _rows_of(line: bytes) -> tuple[Row, ...]:
    rows = read_rows(line, source="the new line").rows
    if len(rows) != 1 or b"\n" in line:
        raise PolicyError(
            [
                Problem(
                    where="the new line",
                    message=f"`{line.decode()}` is not one rule or grant",
                    mend="write `p, subject, path, method` or `g, member, role`",
                )
            ]
        )
    return rows


def _lines_with(data: bytes, row: Row) -> list[bytes]:
    if row not in read_rows(data, source=row.origin.source).rows:
        raise PolicyError(
            [
                Problem(
                    where=str(row.origin),
                    message="the line is not what it was",
                    mend="read the file again and repeat the change",
                )
            ]
        )
    return _lines(data)[0]


def _lines(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the lines with their ends, and the end that new lines get."""
    end = b"\r\n" if b"\r\n" in data else b"\n"
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1], end
