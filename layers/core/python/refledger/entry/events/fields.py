"""What the details of the owner's own events share: strict fields, and faults that are told without their values."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from refledger.domain import currencies
from refledger.entry.events.checks import id_fault, moment_ms
from refledger.entry.faults import reasons


def _identifier(text: str) -> str:
    if fault := id_fault(text):
        raise PydanticCustomError("identifier", "{fault}", {"fault": fault})
    return text


def _currency(code: str) -> str:
    if not currencies.is_currency(code):
        raise PydanticCustomError("unknown_currency", "not an ISO 4217 currency")
    return code


def _moment(text: str) -> str:
    try:
        moment_ms(text)
    except ValueError:
        raise PydanticCustomError("time_with_zone", "not an RFC 3339 time with a zone") from None
    return text


Identifier = Annotated[str, AfterValidator(_identifier)]
Currency = Annotated[str, AfterValidator(_currency)]
Moment = Annotated[str, AfterValidator(_moment)]


# A model is built when it is first used: most functions that know these read events of other senders.
class Detail(BaseModel):
    """No number in a string, no 1.0 for 1; fields that are not known are passed over."""

    model_config = ConfigDict(defer_build=True, strict=True, extra="ignore", frozen=True, alias_generator=to_camel)


def faults_of(error: ValidationError) -> str:
    """Write place and fault: "detail.amount: not a whole number".

    Unknown fields are ignored: each name is ours.
    """
    return reasons(error, "detail")
