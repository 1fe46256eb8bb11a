"""Tables as files: CSV that a spreadsheet opens without running it, and JSON lines."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from werkzeug.wrappers import Response

from authz.web.rendering import protect_page

#: A spreadsheet takes a cell that begins with one of these for a formula (OWASP ASVS
#: 1.2.10); a quote in front makes it text.
_FORMULA: Final = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def cell(text: str) -> str:
    """Return *text* as a spreadsheet will show it, whatever it begins with."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def csv_file(
    name: str, header: Sequence[str], rows: Iterable[Sequence[str]]
) -> Response:
    """Return *rows* below *header* as the file *name*."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([cell(text) for text in row] for row in rows)
    return _attached(name, out.getvalue(), "text/csv; charset=utf-8")


def lines_as_file(
    name: str, lines: Iterable[str], content_type: str = "application/x-ndjson"
) -> Response:
    """Return *lines* as the file *name*: JSON objects, if nothing else is said."""
    text = "".join(f"{line}\n" for line in lines)
    return _attached(name, text, content_type)


def _attached(name: str, text: str, content_type: str) -> Response:
    response = Response(text, content_type=content_type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return protect_page(response)
