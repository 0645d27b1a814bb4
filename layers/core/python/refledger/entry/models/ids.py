"""How things are named in bodies and queries."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from refledger.domain.programs import is_program_id


def _program_id(text: str) -> str:
    if not is_program_id(text):
        raise ValueError("lower-case letters, digits and dashes, up to 40")
    return text


ProgramId = Annotated[str, Field(max_length=40, examples=["default"]), AfterValidator(_program_id)]
PartnerId = Annotated[str, Field(pattern=r"^[a-z0-9]{16}$")]
