"""PDFs of months that are over are made once: kept under a name that is made of everything that is printed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

from refledger.adapters.files import Files
from refledger.domain import journal, statements
from refledger.operations.figures.statements import Basis

PRINTER = Path(__file__).with_name("statement_pdf.py")


def tag(basis: Basis, *, named: bool) -> str:
    """Hash what a PDF is made of.

    The same for the same PDF, but for the moment at which it is made; another one where this code was changed.
    """
    partner = basis.partner
    names = (partner.first_name, partner.last_name, partner.company_name, partner.email) if named else ()
    printed = [_code(), partner.id, partner.code, names, basis.program, str(basis.month), basis.heads]
    return hashlib.sha256(json.dumps(printed).encode()).hexdigest()


@cache
def _code() -> str:
    """Of what makes a statement and prints it."""
    return hashlib.sha256(
        b"".join(Path(each).read_bytes() for each in (PRINTER, statements.__file__, journal.__file__))
    ).hexdigest()


def kept(files: Files, partner_id: str, tag: str, make: Callable[[], bytes]) -> bytes:
    """Return the PDF as it was made before, or made now and kept."""
    found = files.statement(partner_id, tag)
    if found is None:
        found = make()
        files.put_statement(partner_id, tag, found)
    return found
