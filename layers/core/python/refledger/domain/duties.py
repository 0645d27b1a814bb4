"""Who may do what to whose money, and whether one person is enough: one row for each act.

`DUTIES` is the whole of it. `decide` holds the facts of a case against its row and answers; nobody else decides.
`docs/duties.md` is printed from here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from refledger.domain import errors
from refledger.domain.exposures import Exposure, ExposureTally, Mark, Marked, passes
from refledger.domain.times import DAY_MS

if TYPE_CHECKING:
    from refledger.domain.programs import Program


class Act(StrEnum):
    """What makes money for a partner, lets it out, puts it back, or weakens what protects it."""

    ADJUST = "ADJUST"
    WRITE_OFF = "WRITE_OFF"
    ANCHOR = "ANCHOR"
    APPROVE_ADJUSTMENT = "APPROVE_ADJUSTMENT"
    REJECT_ADJUSTMENT = "REJECT_ADJUSTMENT"
    GIVE_REWARD = "GIVE_REWARD"
    REFER = "REFER"
    CONVERT = "CONVERT"
    CONVERT_BY_MACHINE = "CONVERT_BY_MACHINE"
    TELL_SALE = "TELL_SALE"
    ACCEPT_PAYMENT = "ACCEPT_PAYMENT"
    CLEAR_DUPLICATE = "CLEAR_DUPLICATE"
    REFUND_PAYMENT = "REFUND_PAYMENT"
    CONFIRM_REFUND = "CONFIRM_REFUND"
    UNDO_REFUND = "UNDO_REFUND"
    HOLD_REWARD = "HOLD_REWARD"
    RELEASE_REWARD = "RELEASE_REWARD"
    RELEASE_TOLD = "RELEASE_TOLD"
    APPROVE_REWARD = "APPROVE_REWARD"
    CANCEL_REWARD = "CANCEL_REWARD"
    CLOSE_REFERRAL = "CLOSE_REFERRAL"
    PAY_REWARD = "PAY_REWARD"
    APPROVE_WITHDRAWAL = "APPROVE_WITHDRAWAL"
    REJECT_WITHDRAWAL = "REJECT_WITHDRAWAL"
    EXPORT_WITHDRAWAL = "EXPORT_WITHDRAWAL"
    MARK_PAID = "MARK_PAID"
    MARK_FAILED = "MARK_FAILED"
    MARK_RETURNED = "MARK_RETURNED"
    RETRY_PAYOUT = "RETRY_PAYOUT"
    RESOLVE_PROBLEM = "RESOLVE_PROBLEM"
    LINK_USER = "LINK_USER"
    INVITE = "INVITE"
    DECIDE_APPLICATION = "DECIDE_APPLICATION"
    ADD_ACCOUNT = "ADD_ACCOUNT"
    VERIFY_ACCOUNT = "VERIFY_ACCOUNT"
    LIFT_SUSPENSION = "LIFT_SUSPENSION"
    CHANGE_STATUS = "CHANGE_STATUS"
    SET_RATES = "SET_RATES"
    RAISE_RATES = "RAISE_RATES"
    TIGHTEN_TERMS = "TIGHTEN_TERMS"
    LOOSEN_TERMS = "LOOSEN_TERMS"
    CONFIRM_TERMS = "CONFIRM_TERMS"
    MAKE_KEY = "MAKE_KEY"
    CONFIRM_KEY = "CONFIRM_KEY"
    ROTATE_KEY = "ROTATE_KEY"


class Relation(StrEnum):
    """What somebody may be to a case, beside being on the staff."""

    BENEFICIARY = "BENEFICIARY"  # the partner's own user, or one of those who earn from it
    REQUESTER = "REQUESTER"  # asked for it
    MAKER = "MAKER"  # made, or told of, what is decided about now
    EARNER = "EARNER"  # earns in the program whose terms change


class Above(StrEnum):
    """What becomes of an act with which the sum of a day passes the limit."""

    WAITS = "WAITS"  # nothing moves until another person says yes
    HELD = "HELD"  # it is made, and held until another person releases it
    TWO = "TWO"  # this yes is kept, and another person's is needed
    REFUSED = "REFUSED"  # not in this way: another one has two people


class Limit(StrEnum):
    """Which of a program's limits, by currency."""

    ADJUSTMENT = "adjustmentLimit"
    CONVERSION = "conversionLimit"
    SALES = "salesLimit"
    SECOND_APPROVAL = "secondApprovalLimit"


OUT_BARS: Final = frozenset(Marked)  # who did any of these lets none of the partner's money out
# nor does the program's rule, which is nobody's second look; it goes by accounts that staff vouched for, and by sales
# that were told with a key, which a second admin has confirmed
NEED_A_LOOK: Final = frozenset(Marked) - {Marked.ACCOUNT, Marked.SOLD}


@dataclass(frozen=True)
class Duty:
    """The row of an act. `measure`: how the amount at stake is found, in words; "" where there is none.

    `tally`: in which sum of the day it counts; `marks`: what is remembered of who did it.
    """

    what: str
    never: frozenset[Relation] = frozenset({Relation.BENEFICIARY})
    measure: str = ""
    tally: ExposureTally | None = None
    limit: Limit | None = None
    above: Above | None = None
    barred_by: frozenset[Marked] = frozenset()
    marks: Marked | None = None
    by_machine: bool = False
    own: type[errors.Forbidden] = errors.Forbidden


def _row(what: str, *also: Relation, **more: object) -> Duty:
    return Duty(what, frozenset({Relation.BENEFICIARY, *also}), **more)  # type: ignore[arg-type]


_MADE: Final = {"tally": ExposureTally.MADE, "limit": Limit.ADJUSTMENT}
_OUT: Final = {"tally": ExposureTally.OUT, "limit": Limit.SECOND_APPROVAL, "barred_by": OUT_BARS}
_ADJUSTMENT: Final = {"own": errors.OwnAdjustment}
_WITHDRAWAL: Final = {"own": errors.OwnWithdrawal}

DUTIES: Final[dict[Act, Duty]] = {
    Act.ADJUST: _row(
        "ask for an adjustment", measure="the amount, given or taken", above=Above.WAITS, marks=Marked.CREDITED,
        **_MADE, **_ADJUSTMENT,
    ),
    Act.WRITE_OFF: _row(
        "ask to forgive a debt", measure="the amount", above=Above.WAITS, marks=Marked.CREDITED, **_MADE, **_ADJUSTMENT,
    ),
    Act.ANCHOR: _row(
        "ask for a broken journal to be anchored anew, which moves nothing and another person posts, always",
        above=Above.WAITS, **_ADJUSTMENT,
    ),
    Act.APPROVE_ADJUSTMENT: _row("post an adjustment that waits", Relation.REQUESTER, **_ADJUSTMENT),
    Act.REJECT_ADJUSTMENT: _row("refuse an adjustment that waits", **_ADJUSTMENT),
    Act.GIVE_REWARD: _row(
        "give a reward by hand", measure="the reward", above=Above.HELD, marks=Marked.CREDITED, **_MADE,
    ),
    Act.REFER: _row("enter a referral, or say who its customer is", by_machine=True),
    Act.CONVERT: _row(
        "say for how much a referral converted", measure="each partner's reward, and their sum", above=Above.HELD,
        marks=Marked.CREDITED, **_MADE,
    ),
    Act.CONVERT_BY_MACHINE: _row(
        "the same, told by a service or a CRM; the mark is of who entered the referral, its lead or its customer",
        measure="each partner's reward, and their sum", tally=ExposureTally.TOLD,
        limit=Limit.CONVERSION, above=Above.HELD, marks=Marked.CREDITED, by_machine=True,
    ),
    Act.TELL_SALE: _row(
        "tell over HTTP that a customer paid, as a service; an API key's mark is of who made it",
        measure="all rewards of the payment",
        tally=ExposureTally.SOLD, limit=Limit.SALES, above=Above.HELD, marks=Marked.SOLD, by_machine=True,
    ),
    Act.ACCEPT_PAYMENT: _row(
        "let a payment earn that was parked, or that nobody was referred for",
        measure="each partner's reward, and their sum", above=Above.HELD, marks=Marked.CREDITED, **_MADE,
    ),
    Act.CLEAR_DUPLICATE: _row(
        "say that a payment is none that another system told of; `maker` told of either", Relation.MAKER,
        measure="each partner's reward, and their sum", above=Above.HELD, marks=Marked.CREDITED, **_MADE,
    ),
    Act.REFUND_PAYMENT: _row(
        "say that a payment was taken back", measure="what the partners lose", above=Above.WAITS, **_MADE,
    ),
    Act.CONFIRM_REFUND: _row("let that count", Relation.REQUESTER),
    Act.UNDO_REFUND: _row(
        "say that it was entered in error; the mark is of both", measure="what the partners get back",
        above=Above.TWO, marks=Marked.CREDITED, **_MADE,
    ),
    Act.HOLD_REWARD: _row("hold a reward"),
    Act.RELEASE_REWARD: _row("release a reward that is held", Relation.MAKER),
    Act.RELEASE_TOLD: _row(
        "the same, where no person told of it: who releases vouches for it; the mark is of the first", Relation.MAKER,
        measure="the reward", above=Above.TWO, marks=Marked.CREDITED, **_MADE,
    ),
    Act.APPROVE_REWARD: _row(
        "approve a reward, singly or in bulk; `maker` where the program reviews them", Relation.MAKER,
        measure="the reward, before its day; nothing on it",
        above=Above.REFUSED, **_MADE,
    ),
    Act.CANCEL_REWARD: _row("cancel a reward"),
    Act.CLOSE_REFERRAL: _row("close a referral that has converted, with or without what is not paid out"),
    Act.PAY_REWARD: _row(
        "say that a reward was paid by itself, singly or in bulk", Relation.MAKER,
        measure="what is owed of it, and of the others of the same call", above=Above.REFUSED, **_OUT,
    ),
    Act.APPROVE_WITHDRAWAL: _row(
        "approve a withdrawal, singly or in bulk", Relation.REQUESTER, measure="the amount", above=Above.TWO,
        **_OUT, **_WITHDRAWAL,
    ),
    Act.REJECT_WITHDRAWAL: _row("reject a withdrawal", Relation.REQUESTER, **_WITHDRAWAL),
    Act.EXPORT_WITHDRAWAL: _row(
        "put a withdrawal into a file for the bank", Relation.REQUESTER, barred_by=OUT_BARS, **_WITHDRAWAL,
    ),
    Act.MARK_PAID: _row(
        "say that a transfer was made", Relation.REQUESTER, measure="the amount, where nobody else approved it",
        tally=ExposureTally.MARKED, limit=Limit.SECOND_APPROVAL, above=Above.REFUSED, barred_by=OUT_BARS, **_WITHDRAWAL,
    ),
    Act.MARK_FAILED: _row(
        "put back what a bank was told to pay", Relation.REQUESTER, measure="the amount, once the bank has the file",
        above=Above.TWO, **_MADE, **_WITHDRAWAL,
    ),
    Act.MARK_RETURNED: _row(
        "put back what was paid", Relation.REQUESTER, measure="the amount", above=Above.TWO, **_MADE, **_WITHDRAWAL,
    ),
    Act.RETRY_PAYOUT: _row("try a declined payout again", Relation.REQUESTER, barred_by=OUT_BARS, **_WITHDRAWAL),
    Act.RESOLVE_PROBLEM: _row("end a problem with a note", Relation.REQUESTER, **_WITHDRAWAL),
    Act.LINK_USER: _row("say who signs in as a partner, new or not", marks=Marked.LINKED),
    Act.INVITE: _row("accept an invitation; the mark is of who wrote it", Relation.MAKER, marks=Marked.LINKED),
    Act.DECIDE_APPLICATION: _row("decide about an application; the mark is for a yes", marks=Marked.LINKED),
    Act.ADD_ACCOUNT: _row("enter a payout method for a partner", marks=Marked.ACCOUNT),
    Act.VERIFY_ACCOUNT: _row("vouch for a payout method", marks=Marked.ACCOUNT),
    Act.LIFT_SUSPENSION: _row("lift a suspension", marks=Marked.LIFTED),
    Act.CHANGE_STATUS: _row("change a partner's status otherwise", by_machine=True),
    Act.SET_RATES: _row("say what a partner earns instead of the program's rates"),
    Act.RAISE_RATES: _row(
        "say so, and it is more than the program pays; the mark stays for good", marks=Marked.RATED,
    ),
    Act.TIGHTEN_TERMS: Duty("tighten a program's terms", frozenset()),
    Act.LOOSEN_TERMS: Duty("ask for looser terms, which another admin confirms", frozenset(), above=Above.WAITS),
    Act.CONFIRM_TERMS: Duty("confirm looser terms", frozenset({Relation.REQUESTER, Relation.EARNER})),
    Act.MAKE_KEY: Duty(
        "make an API key that tells of sales, which another admin confirms; any other opens at once", frozenset(),
        above=Above.WAITS,
    ),
    Act.CONFIRM_KEY: Duty("let such a key open", frozenset({Relation.REQUESTER})),
    Act.ROTATE_KEY: Duty("get another secret of a key; nobody but its maker, who answers for it", frozenset()),
}  # fmt: skip


@dataclass(frozen=True)
class Stake:
    """What is at stake for one partner, or by one actor: what the day has seen of them, and what comes to it now.

    `amount` in minor units of `currency`, 0 or more.
    """

    exposure: Exposure
    amount: int


@dataclass(frozen=True)
class DutyFacts:
    """A case, as it was read. People are keyed hashes of their `sub`; "" is nobody.

    `earns`: whose money it is, all of them. `maker`: who made or told of what is decided about. `earlier`: who said yes
    to it before, each once. `marks`: what people did for the partner. `programs`: the terms that hold; with several the
    strictest. `stakes`: of each partner whom it touches, and of the actor.
    """

    actor: str
    now_ms: int
    programs: Sequence[Program] = ()
    earns: frozenset[str] = frozenset()
    requester: str = ""
    maker: str = ""
    earlier: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    currency: str = ""
    stakes: tuple[Stake, ...] = ()
    by_machine: bool = False


@dataclass(frozen=True)
class Allowed:
    """`alone`: on the word of one: it counts in the sums of the day."""

    alone: bool = True


@dataclass(frozen=True)
class NeedsSecond:
    """What this person says is not enough. The row says what becomes of it."""

    reason: str


@dataclass(frozen=True)
class Barred:
    """This person never does it, whatever the amount."""

    reason: str
    error: type[errors.Refledger] = errors.Forbidden


Verdict = Allowed | NeedsSecond | Barred

SOMEBODY_ELSE: Final = {
    Relation.BENEFICIARY: "somebody else must do this, because the money is, or may become, yours",
    Relation.EARNER: "somebody else must do this, because you earn in the program",
    Relation.REQUESTER: "somebody else than who asked for it must do this",
    Relation.MAKER: "somebody else than who made it must do this",
}
DONE_BEFORE: Final = {
    Marked.CREDITED: "who gave this partner money",
    Marked.LINKED: "who said who signs in as this partner",
    Marked.ACCOUNT: "who entered or vouched for this partner's account",
    Marked.LIFTED: "who lifted this partner's suspension",
    Marked.RATED: "who raised what this partner earns",
    Marked.SOLD: "who made the key that told of this partner's sales",
}


def decide(act: Act, facts: DutyFacts) -> Verdict:
    """Say whether the actor may do it, and whether they are enough."""
    duty = DUTIES[act]
    if facts.by_machine and not duty.by_machine:
        return Barred("a person must do this")
    if barred := _barred(duty, facts, facts.actor):
        return barred
    if not is_above(act, facts):
        return Allowed()
    # who said yes before counts only if they still may
    others = [each for each in facts.earlier if each != facts.actor and not _barred(duty, facts, each)]
    if others:
        return Allowed(alone=False)
    if facts.actor in facts.earlier:
        return Barred("a second person must say so, too", errors.SecondPersonNeeded)
    return NeedsSecond("it is above what one person may decide in a day")


def is_above(act: Act, facts: DutyFacts) -> bool:
    """Return whether the sum of the day passes a limit with this act.

    Of any partner, or of the actor, by any of the terms.
    """
    duty = DUTIES[act]
    if duty.tally is None or duty.limit is None:
        return False
    tally, limit = duty.tally, duty.limit
    return any(
        passes(program, limit.value, stake.exposure.sums(tally, facts.now_ms), facts.currency, stake.amount)
        for program in facts.programs
        for stake in facts.stakes
    )


def check(verdict: Verdict) -> None:
    """Raise what stands against it: Forbidden, OwnWithdrawal, OwnAdjustment or SecondPersonNeeded."""
    match verdict:
        case Barred(reason, error):
            raise error(reason)
        case NeedsSecond(reason):
            raise errors.SecondPersonNeeded(reason)
        case Allowed():
            pass


def require(act: Act, facts: DutyFacts) -> Verdict:
    """Decide, and refuse who is barred: for an act that goes on where a second person is needed.

    Raises what bars the actor.
    """
    verdict = decide(act, facts)
    if isinstance(verdict, Barred):
        raise verdict.error(verdict.reason)
    return verdict


def check_stranger(act: Act, actor: str, *earns: str, requester: str = "", maker: str = "") -> None:
    """Raise what bars the actor: nobody decides about their own.

    Looks at who is what to the case, and nothing else of it.
    """
    require(act, DutyFacts(actor, 0, earns=frozenset(earns), requester=requester, maker=maker))


def check_maker(act: Act, actor: str, maker: str, why: str) -> None:
    """Refuse everybody but who made it. Raises Forbidden."""
    if actor != maker:
        raise DUTIES[act].own(why)


def check_apart(act: Act, earns: str, makers: Collection[str], why: str) -> None:
    """Refuse, whoever asks, what one of its makers would earn by now. Raises what bars a beneficiary."""
    if earns in makers:
        raise DUTIES[act].own(why)


def _barred(duty: Duty, facts: DutyFacts, actor: str) -> Barred | None:
    """What keeps a person out whatever the amount: what they are to it, or what they did before."""
    if not actor:
        return None
    for relation in Relation:  # whose money it is goes first
        if relation in duty.never and actor in _who(facts, relation):
            return Barred(SOMEBODY_ELSE[relation], _error(duty, relation))
    for mark in within_window(facts.marks, facts.programs, facts.now_ms):
        if mark.kind in duty.barred_by and mark.actor == actor:
            return Barred(f"somebody else than {DONE_BEFORE[mark.kind]} must do this", errors.SecondPersonNeeded)
    return None


def within_window(marks: Sequence[Mark], programs: Sequence[Program], now_ms: int) -> list[Mark]:
    """Return those of a partner that still bar, by the longest `makerWindowDays` of the terms.

    None of them where that is 0.
    """
    window_ms = DAY_MS * max((program.maker_window_days for program in programs), default=0)
    return [mark for mark in marks if window_ms and now_ms - mark.at_ms < window_ms]


def _who(facts: DutyFacts, relation: Relation) -> frozenset[str]:
    match relation:
        case Relation.BENEFICIARY | Relation.EARNER:
            return facts.earns
        case Relation.REQUESTER:
            return frozenset({facts.requester})
        case Relation.MAKER:
            return frozenset({facts.maker})


def _error(duty: Duty, relation: Relation) -> type[errors.Refledger]:
    """The requester of a withdrawal is its partner; who asked for anything else is one of the staff."""
    if relation in (Relation.BENEFICIARY, Relation.EARNER):
        return duty.own
    return (
        duty.own if duty.own is errors.OwnWithdrawal and relation is Relation.REQUESTER else errors.SecondPersonNeeded
    )
