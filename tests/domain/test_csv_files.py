"""Every file that a spreadsheet may open: in no locale a formula, and read back as it was."""

from __future__ import annotations

import csv
import io
import re
import sys
import unicodedata
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from refledger.domain.csv_files import STARTERS, Cell, escape, read, unescape, write
from refledger.domain.errors import Invalid

HOSTILE = "=+-@|;,\t\r\n\"' \uff1d\uff0b\uff0d\uff20\u200b\u00a0\ufeff\u3164\u2028\x00a1"
TEXT = st.text(HOSTILE, max_size=12) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
CELL = TEXT | st.integers(-(10**15), 10**15) | st.decimals(-99, 99, places=2) | st.none()
SEPARATORS = (",", ";", "\t", "|")
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
BEGINS = ("=", "+", "-", "@", "|", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\uff5c")


def cells(text: str, separator: str) -> list[str]:
    """All cells as a spreadsheet with this separator finds them."""
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) for cell in row]


def dangerous(cell: str) -> bool:
    """Also with what a spreadsheet may drop before it looks: blanks, quotes, what shows nothing."""
    return cell.startswith(BEGINS) or cell.lstrip(' "\u00a0\u200b\ufeff\u3164\x00').startswith(BEGINS)


@settings(max_examples=500)
@given(st.lists(st.tuples(TEXT, CELL, TEXT, CELL, TEXT), min_size=1, max_size=4))
@example([("x;=cmd|'/C calc'!A0;y", -5, 'x;"=1', None, "x;")])
@example([('x;""=1', None, "", 1, '"=1'), ("a\t=1", -1, "a\r=1", -1, "a\n=1")])
def test_no_cell_is_a_formula_wherever_a_spreadsheet_splits(rows: list[tuple[Cell, ...]]) -> None:
    """The file is written with commas and opened with any separator; only numbers may begin with a minus."""
    text = write(rows)
    for separator in SEPARATORS:
        assert [cell for cell in cells(text, separator) if dangerous(cell) and not NUMBER.match(cell)] == []


@pytest.mark.parametrize(
    "evil",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "|x", "\t=1", "\r=1", "\n=1",
        '=HYPERLINK("http://x")', "\uff1d1", "\ufe661", " =1", '"=1',
        "x;=cmd|'/C calc'!A0;y", "x,=1", "x\t=1", "x|=1", "x\n=1", "x\r\n=1", "x;+1", "x; =1", 'x;"=1"', "x;\u200b=1",
        "x\u2028=1", "x;-1;", "'=1", "x;'=1",
    ],
)  # fmt: skip
def test_what_was_tried_is_marked(evil: str) -> None:
    """Wherever the formula stands in the cell."""
    assert escape(evil) != evil
    assert unescape(escape(evil)) == evil


@pytest.mark.parametrize("plain", ["", "Bob = Example", "O'Neill", "Smith, John", "a-b", "C++ Ltd", "'", "'x", "A & B"])
def test_what_is_no_formula_stays_as_it_is(plain: str) -> None:
    """A mark is a mark, and not decoration."""
    assert escape(plain) == plain
    assert unescape(plain) == plain


@settings(max_examples=500)
@given(TEXT)
@example("'=1")
@example("=1")
@example("''=1")
@example("a;'")
def test_every_text_comes_back(text: str) -> None:
    """`'=1` and `=1` are two texts, and stay two."""
    assert unescape(escape(text)) == text


@settings(max_examples=300)
@given(TEXT, TEXT)
def test_two_texts_are_never_written_alike(one: str, other: str) -> None:
    """Who reads the file knows which of them it was."""
    assert (escape(one) == escape(other)) == (one == other)


@given(st.lists(st.lists(CELL, min_size=1, max_size=5), max_size=4))
def test_a_file_is_read_back_exactly(rows: list[list[Cell]]) -> None:
    """Texts as they were, numbers as they are written."""
    rows = [[cell.replace("\0", "") if isinstance(cell, str) else cell for cell in row] for row in rows]
    found = [row for _, row in read(write(rows))]
    assert found == [["" if cell is None else str(cell) for cell in row] for row in rows]


def test_numbers_stay_numbers() -> None:
    """A spreadsheet adds them up; a text that looks like one is a text."""
    assert write([[-5, Decimal("-5.00"), "-5", None]]) == '-5,-5.00,"\'-5",""\r\n'


def test_a_file_with_nul_is_no_text() -> None:
    """UTF-16, or something binary: refused as a whole, by its name."""
    with pytest.raises(Invalid, match="NUL"):
        list(read("firstName,email\r\nA\0da,a@example.com\r\n"))


def test_lines_are_counted_where_they_begin() -> None:
    """A cell may span lines, and an empty line counts."""
    assert list(read('\ufeffa,b\r\n"x\ny",1\r\n\r\nz,2')) == [
        (1, ["a", "b"]),
        (2, ["x\ny", "1"]),
        (4, []),
        (5, ["z", "2"]),
    ]


def test_all_signs_that_become_a_starter_are_known() -> None:
    """Whatever compatibility folding makes of a character, it is guarded as what it becomes."""
    plain = {"=", "+", "-", "@", "|"}
    become = {c for c in map(chr, range(sys.maxunicode)) if unicodedata.normalize("NFKC", c) in plain}
    assert become <= set(STARTERS)
