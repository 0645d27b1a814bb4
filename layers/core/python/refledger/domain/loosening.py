"""What of a program's change protects less than before: that part waits until another admin confirms it.

`TERMS` has a row for every field of a program, `programs.CURRENCY_TERMS` one for every term of a currency; a test fails
for a field without one. What tightens, or is neither, takes effect with the call; `split` says which is which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from refledger.domain.errors import Conflict, Invalid
from refledger.domain.programs import (
    CURRENCY_TERMS,
    FALLS_BACK,
    MAKER_WINDOW_DAYS,
    NOT_TAKEN,
    CurrencyTerms,
    Looser,
    Program,
    ProgramStatus,
    Weights,
    safe_terms,
    stricter,
)
from refledger.domain.rules import ANY_PRODUCT, MAX_TIERS, Own, Pay, Rule, RuleSet, own_in_force
from refledger.domain.times import DAY_MS

WAITS_DAYS: Final = 7  # a change that nobody confirms expires after these
MAX_WAITING: Final = 20  # of a program

RULES: Final = "rules"
EARNING: Final = (RULES, "commission_on_shipping")  # by which somebody may earn more of the same payment
STATUS: Final = "status"


class TermKind(StrEnum):
    """What else than a number a field may be."""

    NEUTRAL = "never"
    RULES = "where anybody may earn more by it, and who changes it earns in the program"
    CURRENCIES = "by each term of each currency"
    WEIGHTS = "where any currency counts less, or none counts with others any more"
    STATUS = "going on after somebody else paused it"
    FACT = "no term: it follows from what is done"


Row = Looser | TermKind

# field of Program: when a change of it loosens
TERMS: Final[dict[str, Row]] = {
    "id": TermKind.FACT,
    "name": TermKind.NEUTRAL,
    "currency": TermKind.NEUTRAL,  # of what is taken newly, the terms are compared
    "rules": TermKind.RULES,
    "hold_days": Looser.LOWER,
    "currencies": TermKind.CURRENCIES,
    "approval_timeout_seconds": Looser.HIGHER,
    "reviews_rewards": Looser.LOWER,
    "attribution_days": Looser.HIGHER,
    "cooling_hours": Looser.LOWER,
    "bind_within_hours": Looser.HIGHER,
    "new_customers_only": Looser.LOWER,
    "commission_on_shipping": Looser.HIGHER,
    "links": TermKind.NEUTRAL,
    "portal": TermKind.NEUTRAL,
    "maker_window_days": Looser.LOWER,
    "exposure": TermKind.WEIGHTS,
    "status": TermKind.STATUS,
    "idle": TermKind.FACT,
    "reason": TermKind.FACT,
    "version": TermKind.FACT,
    "created_at_ms": TermKind.FACT,
    "changed_at_ms": TermKind.FACT,
    "changed_by": TermKind.FACT,
    "data_format": TermKind.FACT,
    "counted_since_ms": TermKind.FACT,
}


@dataclass(frozen=True)
class TermChange:
    """One term as it is and as it shall be. `currency`: whose term it is, "" for one of the whole program."""

    field: str
    currency: str
    old: Any
    new: Any


class ChangeStatus(StrEnum):
    """What became of a looser term that somebody asked for."""

    PENDING = "PENDING"  # waits for a second person
    CONFIRMED = "CONFIRMED"  # a second person said yes: it is in force
    REJECTED = "REJECTED"  # a second person said no
    WITHDRAWN = "WITHDRAWN"  # by who asked for it
    EXPIRED = "EXPIRED"  # nobody confirmed it in time


@dataclass(frozen=True)
class ProgramChange:
    """Looser terms that wait, or what became of them. Times in epoch milliseconds, people keyed hashes.

    What it shows is exactly what takes effect: a term that has become another one since lets it be confirmed no more.
    """

    id: str
    program_id: str
    base_version: int  # of the program: those who asked had read this one
    terms: tuple[TermChange, ...]
    asked_by: str
    asked_at_ms: int
    expires_at_ms: int
    stored_status: ChangeStatus = ChangeStatus.PENDING
    decided_by: str = ""
    decided_at_ms: int = 0
    note: str = ""
    version: int = 0  # of the program that it made, once it is confirmed

    def status_at(self, now_ms: int) -> ChangeStatus:
        """Return PENDING only while it may still be confirmed."""
        late = self.stored_status is ChangeStatus.PENDING and now_ms >= self.expires_at_ms
        return ChangeStatus.EXPIRED if late else self.stored_status

    @property
    def raises_rates(self) -> bool:
        """Whether somebody may earn more by it: then nobody who earns in the program confirms it."""
        return any(term.field in EARNING for term in self.terms)


def expires_at(now_ms: int) -> int:
    return now_ms + WAITS_DAYS * DAY_MS


def split(old: Program, wanted: Program, *, earns: bool) -> tuple[Program, tuple[TermChange, ...]]:
    """Divide a change into the program with what takes effect now, and the terms that wait.

    They wait for another admin. `earns`: whether who asks earns in the program. Raises Conflict where one part cannot
    be without the other.
    """
    waiting: list[TermChange] = []
    now: dict[str, Any] = {}
    for field, row in TERMS.items():
        before, after = getattr(old, field), getattr(wanted, field)
        if row is TermKind.WEIGHTS:
            after = _with_dropped(before, after)
        if row in (TermKind.FACT, TermKind.STATUS, TermKind.CURRENCIES) or before == after:
            continue
        if _is_looser(row, before, after, earns=earns):
            waiting.append(TermChange(field, "", before, after))
        else:
            now[field] = after
    taken = sorted({wanted.currency, *dict(wanted.currencies)})
    terms = [(currency, *_split_terms(old, wanted, currency)) for currency in taken]
    now["currencies"] = tuple((currency, kept) for currency, kept, _ in terms)
    waiting += [change for _, _, changes in terms for change in changes]
    try:
        return replace(old, **now), tuple(waiting)
    except Invalid as error:
        raise Conflict(
            "what loosens waits for another admin, and what would take effect now does not go together with the rest"
            f" ({error.detail}): change one after the other"
        ) from None


def at_creation(wanted: Program, beside: Program | None = None) -> tuple[Program, tuple[TermChange, ...]]:
    """Divide the terms of a new program: what holds at once, and what another has to confirm.

    What protects against one of the staff is the safe one until another confirms. Who makes a program would else choose
    alone how much they may give and let out in it, that they may do both, and that nobody looks. What protects against
    partners and customers, and what they earn, is the offer: it holds. `beside`: a program that is there; where its
    terms are stricter than the safe ones they are what is safe.
    """
    waiting, chosen = [], wanted.maker_window_days
    window = max(MAKER_WINDOW_DAYS, beside.maker_window_days if beside else 0)
    if chosen < window:
        waiting.append(TermChange("maker_window_days", "", window, chosen))
    kept = []
    for currency, terms in wanted.currencies:
        safe_ones = safe_terms(currency)
        if beside and beside.takes(currency):
            safe_ones = stricter(safe_ones, beside.terms(currency))
        looser = {name: safe_ones.in_force(name) for name in ALONE if _exceeds(name, terms, safe_ones)}
        kept.append((currency, replace(terms, **looser)))  # type: ignore[arg-type]
        waiting += [TermChange(name, currency, limit, getattr(terms, name)) for name, limit in looser.items()]
    whole: dict[str, Any] = {change.field: change.old for change in waiting if not change.currency}
    return replace(wanted, currencies=tuple(kept), **whole), tuple(waiting)


# What one person may do alone, and what nobody looks at
ALONE: Final = ("auto_approve_limit", "second_approval_limit", "adjustment_limit", "conversion_limit", "sales_limit")


def _exceeds(name: str, terms: CurrencyTerms, safe: CurrencyTerms) -> bool:
    if name in FALLS_BACK and getattr(terms, name) is None and getattr(safe, name) is None:
        return False  # it is another limit, which is looked at by itself
    return CURRENCY_TERMS[name].is_looser(terms.in_force(name), safe.in_force(name))


def apply(program: Program, change: ProgramChange, now_ms: int) -> Program:
    """Return the program with the terms that waited. Other terms may have moved since.

    Raises Conflict where one of these has, or where they do not go together with the others any more.
    """
    terms = dict(program.currencies)
    if program.currency not in terms:
        terms[program.currency] = program.terms(program.currency)
    whole: dict[str, Any] = {}
    for each in change.terms:
        if each.currency and each.currency not in terms:
            raise Conflict(f"the program does not take {each.currency} any more")
        place = terms[each.currency] if each.currency else program
        if getattr(place, each.field) != each.old:
            raise Conflict(f"{each.field} has changed since: ask for it anew")
        if each.currency:
            terms[each.currency] = replace(terms[each.currency], **{each.field: each.new})
        elif each.field == STATUS:
            program = program.becomes(ProgramStatus(each.new), now_ms)
        else:
            whole[each.field] = each.new
    try:
        return replace(program, **whole, currencies=tuple(sorted(terms.items())))
    except Invalid as error:
        raise Conflict(f"it does not go together with what the program says by now: {error.detail}") from None


def _split_terms(old: Program, wanted: Program, currency: str) -> tuple[CurrencyTerms, list[TermChange]]:
    """What a currency's terms are now, and which wait. One that is taken newly begins with the strictest."""
    before = old.terms(currency) if old.takes(currency) else NOT_TAKEN
    after = wanted.terms(currency)
    now, waiting = {}, []
    for name, looser in CURRENCY_TERMS.items():
        was, shall_be = getattr(before, name), getattr(after, name)
        if was != shall_be and looser.is_looser(after.in_force(name), before.in_force(name)):
            waiting.append(TermChange(name, currency, was, shall_be))
            now[name] = was
        else:
            now[name] = shall_be
    return CurrencyTerms(**now), waiting


def _is_looser(row: Row, before: Any, after: Any, *, earns: bool) -> bool:
    match row:
        case Looser():
            return row.is_looser(after, before)
        case TermKind.RULES:
            return earns and raises(before, after)
        case TermKind.WEIGHTS:
            return _weighs_less(before, after)
        case TermKind.NEUTRAL | TermKind.CURRENCIES | TermKind.STATUS | TermKind.FACT:
            return False


def _with_dropped(before: Weights | None, after: Weights | None) -> Weights | None:
    """The new weights, with those of currencies that they leave out: what a day has seen of these still counts."""
    if before is None or after is None or after.currency != before.currency:
        return after
    return Weights(after.currency, tuple(sorted({**dict(before.rates), **dict(after.rates)}.items())))


def _weighs_less(before: Weights | None, after: Weights | None) -> bool:
    if before is None:
        return False
    if after is None or after.currency != before.currency:
        return True
    rates = dict(after.rates)
    return any(rates.get(currency, rate) < rate for currency, rate in before.rates)


# ---------------------------------------------------------------- who may earn more


def raises(before: RuleSet, after: RuleSet) -> bool:
    """Return whether anybody may earn more of any payment.

    By a rate, a first payment, a product, a limit or a cap.
    """
    products = {ANY_PRODUCT, *dict(before.products), *dict(after.products)}
    if any(_rule_raises(before.rule(product)[0], after.rule(product)[0]) for product in products):
        return True
    new_caps = dict(after.monthly_cap)
    return any(cap < new_caps.get(currency, cap + 1) for currency, cap in before.monthly_cap)


def raises_own(rules: RuleSet, own: Own) -> bool:
    """Return whether a partner may earn more of any payment by their own pays than by the program's.

    The program's are the offer.
    """
    for product in {ANY_PRODUCT, *dict(rules.products), *dict(own)}:
        rule, mine = rules.rule(product)[0], own_in_force(own, product)
        if mine and any(_pay_raises(_at(pays, 0), mine[0]) for pays in (rule.tiers, rule.first or rule.tiers)):
            return True
    return False


def _rule_raises(before: Rule, after: Rule) -> bool:
    if Looser.HIGHER.is_looser(after.months, before.months) or Looser.HIGHER.is_looser(after.payments, before.payments):
        return True
    pairs = [(before.tiers, after.tiers), (before.first or before.tiers, after.first or after.tiers)]
    return any(_pay_raises(_at(old, tier), _at(new, tier)) for old, new in pairs for tier in range(MAX_TIERS))


def _at(pays: Sequence[Pay], tier: int) -> Pay:
    return pays[tier] if tier < len(pays) else Pay()


def _pay_raises(before: Pay, after: Pay) -> bool:
    """A rate and flat amounts cannot be compared: of a small payment one is more, of a large one the other."""
    if not after.flat:
        return after.rate_bps > (0 if before.flat else before.rate_bps)
    old = dict(before.flat)
    return any(amount > old.get(currency, 0) for currency, amount in after.flat)
