"""A line of an import as the partner that it says: checked like the body of a single one."""

from __future__ import annotations

from pydantic import ValidationError

from refledger.domain.errors import Invalid
from refledger.entry.models.partners import NewPartnerBody
from refledger.operations.partners import NewPartner

FAULTS_TOLD = 3


def read_partner(cells: dict[str, str]) -> NewPartner:
    """A line of an import, checked like the body of a single partner. Raises Invalid, which repeats no values."""
    given = {name: cell for name, cell in cells.items() if cell.strip() or name != "programId"}
    try:
        return NewPartnerBody.model_validate(given).to_partner("")
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found[:FAULTS_TOLD]]
        raise Invalid("; ".join(faults)) from None
