"""What the models share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    computed_field,
    field_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from refledger.domain import amounts, texts
from refledger.domain.currencies import MAX_AMOUNT, decimal, exponent, is_currency
from refledger.domain.errors import Invalid
from refledger.domain.times import DAY_MS
from refledger.entry.models.kinds import REFUSED

PAGE, LARGEST_PAGE = 25, 100

V = TypeVar("V")


# A model is built when it is first used: a call uses two of the many that a function has.
class Body(BaseModel):
    """Strict: 1.0, "1" and true are not 1. `exact`: has decimals, which are read digit by digit."""

    exact: ClassVar[bool] = False

    model_config = ConfigDict(
        defer_build=True, extra="forbid", strict=True, alias_generator=to_camel, str_strip_whitespace=True
    )


class Query(BaseModel):
    """Values arrive as text. Numbers among them are digits 0 to 9: Pydantic would take 1_000, +5 and 5.0 as well."""

    model_config = ConfigDict(defer_build=True, extra="forbid", alias_generator=to_camel, str_strip_whitespace=True)

    @field_validator("*", mode="before")
    @classmethod
    def _digits(cls, value: object, info: ValidationInfo) -> object:
        wanted = cls.model_fields[info.field_name or ""].annotation
        is_number = wanted is int or int in get_args(wanted)
        if is_number and isinstance(value, str) and not amounts.WHOLE.fullmatch(value):
            raise PydanticCustomError("digits", "a whole number in digits 0 to 9")
        return value


class View(BaseModel):
    """`people`: fields with ids of people, whose names go into the fields beside them; `of_partner`: whether the names
    of the one in `partner_id` do, too. See entry/people.py.
    """

    people: ClassVar[tuple[str, ...]] = ()
    of_partner: ClassVar[bool] = False

    model_config = ConfigDict(defer_build=True, alias_generator=to_camel, populate_by_name=True)


def in_major(amount: str, currency: str = "currency", *, told: type | Any = str) -> Any:
    """Make a field that says the view's `amount`, in minor units, in major ones.

    As text with all decimals, `12.30`. `told`: `str | None` where there may be no amount; the field says null then.
    """

    def major(view: View) -> str | None:
        minor, code = getattr(view, amount), getattr(view, currency)
        digits = exponent(code) if code else 0  # the end of a dispute whose payment has not come yet: nothing, of none
        return None if minor is None else decimal(minor, digits)

    return computed_field(return_type=told, description=f"`{amount}` in major units")(property(major))


class CsvFile(View):
    """An answer that is not JSON: a file to be kept under `name`, as RFC 4180 has it."""

    name: str
    text: str


class RawAnswer(View):
    """An answer that is not JSON, sent as it is. `headers`: those that stand beside its content type."""

    content_type: str
    content: bytes
    status: int | None = None  # None: the route's
    headers: dict[str, str] = {}


class TextBody(Body):
    """A body that is not JSON. A route whose body is a kind of this takes `content_type`, up to `limit` bytes."""

    content_type: ClassVar[str] = "text/csv"
    limit_bytes: ClassVar[int] = 1024 * 1024

    text: str


class NoBody(Body):
    """Nothing, or {}."""


class NoQuery(Query):
    """No parameters."""


def refused(field: str, reason: str) -> PydanticCustomError:
    """Make the error that a validator of a whole model raises about one of its fields."""
    return PydanticCustomError(REFUSED, "{reason}", {"field": field, "reason": reason})


def located(make: Callable[[], V]) -> V:
    """Tell at its field what a rule of the domain refuses as "field: reason".

    For validators of models. Raises PydanticCustomError.
    """
    try:
        return make()
    except Invalid as error:
        field, _, reason = error.detail.partition(": ")
        raise refused(field, reason) from None


def _currency(code: str) -> str:
    if not is_currency(code):
        raise ValueError("not an ISO 4217 currency")
    return code


def _capitals(value: object) -> object:
    """Enum values and codes are taken in any case."""
    return value.strip().upper() if isinstance(value, str) else value


Capitals = BeforeValidator(_capitals)
# Of people and companies; of what staff and partners call things; what is compared as it is; what people write.
Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(texts.name)]
OptionalName = Annotated[str, Field(max_length=100), AfterValidator(texts.name)]
Holder = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(texts.holder)]
Phone = Annotated[str, Field(max_length=32, pattern=r"^(\+?[0-9][0-9 ()./-]*)?$")]
Title = Annotated[str, Field(max_length=100), AfterValidator(texts.line)]
Exact = Annotated[str, AfterValidator(texts.exact)]
Note = Annotated[str, Field(max_length=500), AfterValidator(texts.line)]
Currency = Annotated[str, Field(examples=["USD"]), Capitals, AfterValidator(_currency)]


def whole_number_of(units: str) -> BeforeValidator:
    """Refuse 10.0 and "10" by saying in which units: `units` goes on after "a whole number of"."""

    def check(value: object) -> object:
        if isinstance(value, float | str):
            raise ValueError(f"a whole number of {units}")
        return value

    return BeforeValidator(check)


MinorUnits = whole_number_of("minor units: USD 10.00 is 1000")
Amount = Annotated[int, Field(gt=0, le=MAX_AMOUNT, description="minor units", examples=[1500]), MinorUnits]
AmountOrZero = Annotated[int, Field(ge=0, le=MAX_AMOUNT, description="minor units", examples=[1000]), MinorUnits]


class Money(Body):
    amount: AmountOrZero
    currency: Currency


class MoneyView(View):
    currency: str
    amount: int


class SumView(MoneyView):
    amount_decimal = in_major("amount")


class PageQuery(Query):
    """`cursor` is the `nextCursor` of the page before."""

    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = PAGE
    cursor: Annotated[str, Field(max_length=512)] | None = None


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


DATE = {"format": "date"}
Day = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-11-21"], json_schema_extra=DATE),
    AfterValidator(_day),
]
DayView = Annotated[str, Field(json_schema_extra=DATE)]


class PeriodQuery(PageQuery):
    """`from`, `to`: days in UTC, both included."""

    from_: Day | None = Field(default=None, alias="from")
    to: Day | None = None

    @property
    def from_ms(self) -> int | None:
        return _start_ms(self.from_) if self.from_ else None

    @property
    def until_ms(self) -> int | None:
        """When the day after the last one begins."""
        return _start_ms(self.to) + DAY_MS if self.to else None


def _start_ms(day: str) -> int:
    return (date.fromisoformat(day) - date(1970, 1, 1)).days * DAY_MS


def _different(tags: list[str]) -> list[str]:
    for tag in tags:
        texts.exact(tag)
    if len(set(tags)) < len(tags):
        raise ValueError("each once")
    return sorted(tags)


Label = Annotated[str, Field(pattern=r"^[A-Z0-9_-]{1,30}$", examples=["GOLD"])]
Tag = Annotated[str, Field(pattern=r"^[\w.:-]{1,40}$", examples=["newsletter"]), AfterValidator(str.lower)]
Tags = Annotated[list[Tag], Field(max_length=20), AfterValidator(_different)]


class NoteBody(Body):
    note: Note = ""


class DecisionNote(Body):
    """`note`: why; it cannot be taken back."""

    note: Annotated[Note, Field(min_length=1)]


class Page(View, Generic[V]):
    """`nextCursor` is null on the last page."""

    data: list[V]
    next_cursor: str | None = None
