"""Re-derives every balance from the journal, the journal from rewards, payments and withdrawals. Reads all.

A walk goes through partners, then through payments that earned, shard by shard, what is parked, referrals, and last the
programs. After each partner, and each hundred of the others, `Checked` has the place where it can go on another time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from refledger.batched import batched
from refledger.domain.errors import Invalid
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.operations.proof.partner_checks import verify_partner
from refledger.operations.proof.payment_checks import verify_payments
from refledger.operations.proof.program_checks import verify_programs
from refledger.operations.proof.referral_checks import verify_referrals
from refledger.store import keys, partners, payments, programs, referrals
from refledger.store.findings import END
from refledger.store.table import BATCH_LIMIT

# What a place begins with
PARTNERS, EARNED, PARKED, REFERRED, PROGRAMS = "partners", "earned", "parked", "referred", "programs"
PARTS = {PARTNERS: 1, EARNED: 3, PARKED: 1, REFERRED: 2, PROGRAMS: 0, END: 0}  # of a place, after that
ORDER = tuple(PARTS)
OfPartner = Callable[[Context, str, Checked], Iterable[Fault]]
# What was looked at: PARTNERS with a partner's id, EARNED with a payment's, REFERRED with a referral's, PROGRAMS
Subject = tuple[str, str]


def verify(context: Context, checked: Checked, place: str = "") -> Iterator[Fault]:
    """Yield every fault in the books of every partner, of every payment, and of all together.

    Nothing where all is right.

    `place`: where an earlier walk was; what all come to together is only known to a walk from the beginning.
    """
    for found in walk(context, checked, place):
        yield from (fault for _, fault in found)
    if not place:
        yield from totals(checked)


def walk(
    context: Context, checked: Checked, place: str = "", of_partner: OfPartner = verify_partner
) -> Iterator[list[tuple[Subject, Fault]]]:
    """Yield what is wrong with a partner, or with a hundred payments, one list after another.

    `checked` says where it is.

    `of_partner`: what is to be done about each. Raises Invalid for what is no place.
    """
    phase, rest = _read(place)
    left = ORDER[ORDER.index(phase) :]
    if PARTNERS in left:
        for position, partner_id in partners.oldest(context.table, rest[0], BATCH_LIMIT):
            found = list(of_partner(context, partner_id, checked))
            checked._place = f"{PARTNERS}/{position}"
            yield [((PARTNERS, partner_id), fault) for fault in found]
    if EARNED in left:
        yield from _earned(context, checked, rest if phase == EARNED else ["", "0", ""])
    if PARKED in left:
        listed = payments.parked(context.table, rest[0] if phase == PARKED else "", BATCH_LIMIT)
        once = (each for each in listed if checked._firsts.is_new("parked", each[1]))
        yield from _payments(context, checked, PARKED, once)
    if REFERRED in left:
        yield from _referred(context, checked, rest if phase == REFERRED else ["", ""])
    if PROGRAMS in left:
        yield [((PROGRAMS, id), fault) for id, fault in verify_programs(context)]
    checked._place = END


def _read(place: str) -> tuple[str, list[str]]:
    """What a place begins with, and its other parts. Raises Invalid."""
    phase, *rest = (place or f"{PARTNERS}/").split("/")
    if len(rest) != PARTS.get(phase) or (phase == EARNED and not rest[1].isdigit()):
        raise Invalid(f"{place!r} is no place in the books")
    return phase, rest


def _earned(context: Context, checked: Checked, place: list[str]) -> Iterator[list[tuple[Subject, Fault]]]:
    """`place`: program, shard, and the position in it, of what was looked at last."""
    first, shard, position = place[0], int(place[1]), place[2]
    for _, program in programs.after(context.table, ""):
        for number, partition in enumerate(keys.payment_shards(program.id, context.shards())):
            if (program.id, number) >= (first, shard):
                after = position if (program.id, number) == (first, shard) else ""
                listed = payments.oldest_in(context.table, partition, after, BATCH_LIMIT)
                yield from _payments(context, checked, f"{EARNED}/{program.id}/{number}", listed)


def _referred(context: Context, checked: Checked, place: list[str]) -> Iterator[list[tuple[Subject, Fault]]]:
    """`place`: program, and the position in its list of what was looked at last."""
    for _, program in programs.after(context.table, ""):
        if program.id < place[0]:
            continue
        after = place[1] if program.id == place[0] else ""
        for batch in batched(referrals.oldest_of(context.table, program.id, after, BATCH_LIMIT), BATCH_LIMIT):
            found = list(verify_referrals(context, [id for _, id in batch], checked))
            checked._place = f"{REFERRED}/{program.id}/{batch[-1][0]}"
            yield [((REFERRED, id), fault) for id, fault in found]


def _payments(
    context: Context, checked: Checked, where: str, listed: Iterator[tuple[str, str]]
) -> Iterator[list[tuple[Subject, Fault]]]:
    for batch in batched(listed, BATCH_LIMIT):
        found = list(verify_payments(context, [id for _, id in batch], checked))
        checked._place = f"{where}/{batch[-1][0]}"
        yield [((EARNED, id), fault) for id, fault in found]


def totals(checked: Checked) -> Iterator[Fault]:
    """Check that what partners hold is what the owner's accounts lack, and nothing else."""
    for currency in sorted({*checked._owners, *checked._held}):
        owners, held = checked._owners[currency], checked._held[currency]
        if owners + held:
            yield Fault("", currency, f"balances hold {held}, the owner's accounts {owners}")
