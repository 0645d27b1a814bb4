"""CSV files: written so that no spreadsheet takes a cell for a formula, and read back exactly.

A file is written for one separator and opened with another: a spreadsheet that runs in German splits at `;`, and then
quotes within a line mean nothing. So every text is quoted, and is safe in each piece that a spreadsheet may cut of it:

- A piece begins where the text begins, and after each of `, ; |`, a tab, and whatever ends a line.
- A piece is marked by one `'` before it if a sign that begins a formula is the first that a spreadsheet could see of
  it (after blanks, invisible characters, quotes and further `'`), or if there is no other character in it and the text
  has several pieces: what follows then in the line is no new cell.

`unescape` takes exactly those marks off again: `unescape(escape(text)) == text` for every text, because what is looked
for ignores leading `'`, so a piece that has one of its own is marked once more. Numbers are not quoted and stay
numbers, negative ones as well. Source: OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from refledger.domain.errors import Invalid

Cell = str | int | Decimal | None

# Signs that begin a formula or a command (DDE), and all characters that become one of them when text is normalised.
STARTERS: Final = (
    "=+-@|\u207a\u207b\u207c\u208a\u208b\u208c\u2212\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20\uff5c"
)
SEPARATORS: Final = ",;|\t\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# What a spreadsheet may drop before it looks: blanks, quotes, controls, and characters that show nothing.
_UNSEEN: Final = (
    r"[\s\"'\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb]*"
)
_PIECES: Final = re.compile(f"(\r\n|[{SEPARATORS}])")
_STARTS: Final = re.compile(f"{_UNSEEN}[{re.escape(STARTERS)}]")
_BLANK: Final = re.compile(_UNSEEN)
_RISKY: Final = re.compile(f"[{re.escape(STARTERS)}{SEPARATORS}]")
BOM: Final = "\ufeff"


def escape(text: str) -> str:
    """Mark each piece of the text that a spreadsheet could take for a formula."""
    if not _RISKY.search(text):
        return text
    pieces = _PIECES.split(text)  # at even places; at odd ones what they are separated by
    pieces[::2] = [f"'{piece}" if _is_marked(piece, len(pieces)) else piece for piece in pieces[::2]]
    return "".join(pieces)


def unescape(text: str) -> str:
    """Give back the text of which `escape` made this; a text that it never made stays as it is."""
    pieces = _PIECES.split(text)
    pieces[::2] = [piece[1:] if piece[:1] == "'" and _is_marked(piece, len(pieces)) else piece for piece in pieces[::2]]
    return "".join(pieces)


def _is_marked(piece: str, pieces: int) -> bool:
    """Whether a piece gets a mark. The same for a piece with and without leading `'`."""
    return bool(_STARTS.match(piece)) or (pieces > 1 and bool(_BLANK.fullmatch(piece)))


def write(rows: Iterable[Iterable[Cell]]) -> str:
    """Make lines of a file as RFC 4180 has it.

    They end in CRLF; texts are quoted and marked, numbers as they are.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerows([escape(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return text.getvalue()


def read(text: str) -> Iterator[tuple[int, list[str]]]:
    """Read a file line by line, marks taken off: the number of the line where each begins, and its cells.

    Also takes what others wrote. Raises Invalid where it is no CSV file.
    """
    if "\0" in text:
        raise Invalid("the file has NUL characters: it is no text in UTF-8")
    reader = csv.reader(io.StringIO(text.removeprefix(BOM), newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, [unescape(cell) for cell in cells]
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Invalid(f"line {reader.line_num}: {error}") from None
