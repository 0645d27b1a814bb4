"""Re-derives every balance from the journal, the journal from rewards, payments and withdrawals. Reads all.

A walk goes through partners, then through payments that earned, shard by shard, then through what is parked. After each
partner, and each hundred payments, `Checked` has the place where it can go on another time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from refledger.batched import batched
from refledger.domain.errors import Invalid
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.operations.proof.partner_checks import verify_partner
from refledger.operations.proof.payment_checks import verify_payments
from refledger.store import keys, partners, payments, programs
from refledger.store.table import BATCH_LIMIT

PARTNERS, EARNED, PARKED, END = "partners", "earned", "parked", "end"  # what a place begins with
OfPartner = Callable[[Context, str, Checked], Iterable[Fault]]
Subject = tuple[str, str]  # what was looked at: PARTNERS with a partner's id, or EARNED with a payment's


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
    if phase == PARTNERS:
        for position, partner_id in partners.oldest(context.table, rest[0], BATCH_LIMIT):
            found = list(of_partner(context, partner_id, checked))
            checked._place = f"{PARTNERS}/{position}"
            yield [((PARTNERS, partner_id), fault) for fault in found]
    if phase in (PARTNERS, EARNED):
        yield from _earned(context, checked, rest if phase == EARNED else ["", "0", ""])
    if phase != END:
        listed = payments.parked(context.table, rest[0] if phase == PARKED else "", BATCH_LIMIT)
        once = (each for each in listed if checked._firsts.is_new("parked", each[1]))
        yield from _payments(context, checked, PARKED, once)
    checked._place = END


def _read(place: str) -> tuple[str, list[str]]:
    """What a place begins with, and its other parts. Raises Invalid."""
    phase, *rest = (place or f"{PARTNERS}/").split("/")
    if len(rest) != {PARTNERS: 1, EARNED: 3, PARKED: 1, END: 0}.get(phase) or (
        phase == EARNED and not rest[1].isdigit()
    ):
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
