"""Looser terms of programs over HTTP: those that wait for another admin, and what became of others."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field

from refledger.domain.loosening import ChangeStatus, ProgramChange, TermChange
from refledger.domain.programs import Weights
from refledger.domain.rules import RuleSet
from refledger.domain.times import iso
from refledger.entry.models.common import Body, Capitals, MoneyView, Note, PageQuery, View
from refledger.entry.models.programs import ExposureView, ProgramView
from refledger.entry.models.rule_views import ProductRuleView, RuleView
from refledger.operations.programs import ProgramUpdate

NAMES = {"reviews_rewards": "review_rewards"}  # all others are called the same in the API


class ChangesQuery(PageQuery):
    status: Annotated[ChangeStatus, Capitals] | None = None


class ProgramChangeDecisionBody(Body):
    note: Note = ""


class ProgramChangeReasonBody(Body):
    note: Annotated[Note, Field(min_length=1, examples=["not agreed with finance"])]


class RuleSetView(View):
    rules: RuleView
    product_rules: list[ProductRuleView]
    monthly_caps: list[MoneyView]

    @classmethod
    def of(cls, rules: RuleSet) -> Self:
        return cls(
            rules=RuleView.of(rules.default),
            product_rules=ProductRuleView.all_of(rules.products),
            monthly_caps=[MoneyView(currency=code, amount=amount) for code, amount in rules.monthly_cap],
        )


Value = bool | int | str | RuleSetView | ExposureView | None


class TermChangeView(View):
    """`field`: as the program calls it, `rules` for all of `rules`, `productRules` and `monthlyCaps` together.

    `currency`: whose term it is, null for one of the whole program.
    """

    field: Annotated[str, Field(examples=["secondApprovalLimit"])]
    currency: str | None
    from_: Annotated[Value, Field(alias="from", examples=[50_000])]
    to: Annotated[Value, Field(examples=[100_000])]

    @classmethod
    def of(cls, change: TermChange) -> Self:
        return cls(
            field=_camel(change.field), currency=change.currency or None, from_=_view(change.old), to=_view(change.new)
        )


class ProgramChangeView(View):
    """What waits, or waited, for another admin than `askedBy`. `version`: of the program that it made."""

    people = ("asked_by", "decided_by")

    id: str
    program_id: str
    status: ChangeStatus
    base_version: int
    terms: list[TermChangeView]
    asked_by: str
    asked_by_name: str | None = None
    asked_at: str
    expires_at: str
    decided_by: str | None
    decided_by_name: str | None = None
    decided_at: str | None
    note: str | None
    version: int | None

    @classmethod
    def of(cls, change: ProgramChange, now_ms: int) -> Self:
        return cls(
            id=change.id,
            program_id=change.program_id,
            status=change.status_at(now_ms),
            base_version=change.base_version,
            terms=[TermChangeView.of(term) for term in change.terms],
            asked_by=change.asked_by,
            asked_at=iso(change.asked_at_ms),
            expires_at=iso(change.expires_at_ms),
            decided_by=change.decided_by or None,
            decided_at=iso(change.decided_at_ms) if change.decided_at_ms else None,
            note=change.note or None,
            version=change.version or None,
        )


class ChangedProgramView(ProgramView):
    """The program as it is now. `pendingChange`: what of the call waits for another admin to confirm it."""

    pending_change: ProgramChangeView | None

    @classmethod
    def of_change(cls, changed: ProgramUpdate, now_ms: int) -> Self:
        view = ProgramView.of(changed.program)
        told = {name: getattr(view, name) for name in ProgramView.model_fields}
        waiting = ProgramChangeView.of(changed.waiting, now_ms) if changed.waiting else None
        return cls(**told, pending_change=waiting)


def _camel(field: str) -> str:
    head, *rest = NAMES.get(field, field).split("_")
    return head + "".join(part.capitalize() for part in rest)


def _view(value: Any) -> Value:
    match value:
        case RuleSet():
            return RuleSetView.of(value)
        case Weights():
            return ExposureView.of(value)
        case bool() | int() | str() | None:
            return value
        case _:
            raise TypeError(f"a term that is a {type(value).__name__} has no view")
