"""A statement as a PDF of A4 pages, for a partner's files. Only this module imports fpdf, and nothing does so before it
is needed.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from fpdf import FPDF, XPos, YPos
from fpdf.fonts import TTFFont

from refledger.domain.currencies import decimal, exponent
from refledger.domain.journal import WORDS
from refledger.domain.statements import AccountStatement, Holdings, Movement
from refledger.domain.times import DAY_MS, EPOCH, iso
from refledger.operations.figures.statements import Statement

MARGIN_MM, LINE_MM, TEXT_PT, SMALL_PT, TINY_PT, TITLE_PT = 15, 5, 9, 7, 6, 16
COLUMNS_MM = (25, 29, 38, 22, 22, 22, 22)  # 180 in all, what A4 has between the margins
HEAD = ("Time (UTC)", "", "Reference", "Available", "Reserved", "Paid out", "Balance")
ALIGN = ("L", "L", "L", "R", "R", "R", "R")
FONT = "body"
MATURITY = "maturity"  # the reference of what is due by itself
COUNTS = {1: "once", 2: "twice"}
UNKNOWN = "\ufffd"  # for a character that the font does not have


class _Page(FPDF):
    """Says on every page whose statement it is, and which page of how many."""

    foot = ""

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FONT, size=SMALL_PT)
        self.cell(0, LINE_MM, f"{self.foot}    {self.page_no()}/{{nb}}", align="C")


def render(statement: Statement, font: Path, *, named: bool) -> bytes:
    """Draw a statement as a PDF: the same bytes for the same statement.

    `font`: a TrueType file; of it, only what is used goes into the PDF. `named`: with the partner's names and address;
    for who may see them.
    """
    pdf = _Page(format="A4")
    pdf.set_creation_date(EPOCH + timedelta(milliseconds=statement.made_at_ms))
    pdf.set_margins(MARGIN_MM, MARGIN_MM)
    pdf.set_auto_page_break(True, margin=2 * MARGIN_MM)
    pdf.add_font(FONT, fname=font)
    pdf.set_font(FONT, size=TEXT_PT)
    pdf.set_lang("en")
    pdf.foot = f"Statement {statement.month}, partner {statement.partner.id}, {_state(statement)}"
    pdf.set_title(f"Statement {statement.month}, {_state(statement)}")
    pdf.add_page()
    _head(pdf, statement, named)
    for account in statement.accounts:
        _account(pdf, statement, account)
    if not statement.accounts:
        _line(pdf, "Nothing was there and nothing was moved.")
    return bytes(pdf.output())


def _head(pdf: FPDF, statement: Statement, named: bool) -> None:
    partner, month = statement.partner, statement.month
    pdf.set_font(FONT, size=TITLE_PT)
    _line(pdf, f"Statement {month}", 2 * LINE_MM)
    pdf.set_font(FONT, size=TEXT_PT)
    names = (f"{partner.first_name} {partner.last_name}".strip(), partner.company_name, partner.email)
    pdf.set_text_shaping(True)  # letters of Arabic names join, and run from right to left
    for text in (statement.program, *(names if named else ())):
        if text:
            _line(pdf, text)
    pdf.set_text_shaping(False)  # the rest is ASCII, and much
    _line(pdf, f"Partner {partner.id}, code {partner.code}")
    _line(pdf, f"{_day(month.from_ms)} to {_day(month.until_ms - DAY_MS)}, days in UTC")
    at = iso(statement.made_at_ms)
    if statement.final:
        _line(pdf, f"Final: the month was closed on {at[:10]} at {at[11:16]}, and nothing of this changes any more.")
    else:
        _line(pdf, f"Running: this is how things stood on {at[:10]} at {at[11:16]}, and more will be added.")


def _account(pdf: FPDF, statement: Statement, account: AccountStatement) -> None:
    pdf.ln(LINE_MM)
    pdf.set_font(FONT, size=TEXT_PT + 3)
    _line(pdf, account.currency, 2 * LINE_MM)
    pdf.set_font(FONT, size=TEXT_PT)
    _row(pdf, HEAD)
    _rule(pdf)
    _row(pdf, ("", "Opening balance", "", *_shown(account, account.opening), _available(account, account.opening)))
    for each in account.movements:
        below = _below(each)
        if pdf.will_page_break(LINE_MM * (2 if below else 1)):
            pdf.add_page()
            _row(pdf, HEAD)
            _rule(pdf)
        after = _available(account, each.after)
        _row(pdf, (_time(each), _words(each), _reference(each), *_shown(account, each.change), after))
        if below:
            pdf.set_font(FONT, size=TINY_PT)
            pdf.set_x(pdf.l_margin + COLUMNS_MM[0])
            _line(pdf, below)
            pdf.set_font(FONT, size=TEXT_PT)
    _rule(pdf)
    _row(pdf, ("", "Closing balance", "", *_shown(account, account.closing), _available(account, account.closing)))
    for kind, (count, amount) in account.totals.items():
        shown = f"{decimal(amount, exponent(account.currency))} {account.currency}"
        _line(pdf, f"{WORDS[kind]} {_times(count)}, {shown} in all")
    if account.hash:
        pdf.set_font(FONT, size=SMALL_PT)
        _line(pdf, f"Journal entry {account.version}, SHA-256 {account.hash}")


def _available(account: AccountStatement, holdings: Holdings) -> str:
    return decimal(holdings.available, exponent(account.currency))


def _time(movement: Movement) -> str:
    text = iso(movement.at_ms)
    return f"{text[:10]} {text[11:16]}" if movement.count == 1 else text[:10]


def _words(movement: Movement) -> str:
    return WORDS[movement.kind] + (f" {_times(movement.count)}" if movement.count > 1 else "")


def _times(count: int) -> str:
    """A count as people say it."""
    return COUNTS.get(count, f"{count} times")


def _reference(movement: Movement) -> str:
    """The withdrawal or payment; of several payments' rewards that came due together there is none."""
    return "several rewards" if movement.reference == MATURITY else movement.reference


def _below(movement: Movement) -> str:
    """What the reference cannot say, as JSON and CSV do: which rewards, by due time; what the bank calls a payout."""
    if movement.transaction:
        return f"transaction {movement.transaction}"
    if movement.reference != MATURITY or not movement.first:
        return ""
    return f"rewards {movement.first} to {movement.last}"


def _state(statement: Statement) -> str:
    return "final" if statement.final else "running"


def _day(at_ms: int) -> str:
    return iso(at_ms)[:10]


def _shown(account: AccountStatement, holdings: Holdings) -> tuple[str, str, str]:
    digits = exponent(account.currency)
    amounts = (holdings.available, holdings.reserved, holdings.paid)
    available, reserved, paid = (decimal(amount, digits) for amount in amounts)
    return available, reserved, paid


def _row(pdf: FPDF, cells: tuple[str, ...]) -> None:
    for text, width, align in zip(cells, COLUMNS_MM, ALIGN, strict=True):
        size = SMALL_PT if pdf.get_string_width(text) > width - 1 else TEXT_PT
        pdf.set_font(FONT, size=size)
        pdf.cell(width, LINE_MM, text, align=align)
    pdf.set_font(FONT, size=TEXT_PT)
    pdf.ln(LINE_MM)


def _line(pdf: FPDF, text: str, height: int = LINE_MM) -> None:
    font = pdf.fonts[FONT]
    assert isinstance(font, TTFFont)
    known = font.cmap
    shown = "".join(character if ord(character) in known else UNKNOWN for character in text)
    pdf.multi_cell(0, height, shown, new_x=XPos.LMARGIN, new_y=YPos.NEXT)


def _rule(pdf: FPDF) -> None:
    pdf.line(pdf.l_margin, pdf.get_y(), pdf.w - pdf.r_margin, pdf.get_y())
