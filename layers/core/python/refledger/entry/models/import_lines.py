"""A line of an import as the partner that it says: checked like the body of a single one."""

from __future__ import annotations

from pydantic import ValidationError

from refledger.domain.errors import Invalid
from refledger.entry.faults import reasons
from refledger.entry.models.partners import NewPartnerBody
from refledger.operations.partners.partners import NewPartner


def read_partner(cells: dict[str, str]) -> NewPartner:
    """Read a line of an import, checked like the body of a single partner.

    Raises Invalid, which repeats no values.
    """
    given = {name: cell for name, cell in cells.items() if cell.strip() or name != "programId"}
    try:
        return NewPartnerBody.model_validate(given).to_partner("")
    except ValidationError as error:
        raise Invalid(reasons(error, "")) from None
