"""Who is above whom when somebody is referred, and what must hold until they are bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from refledger.domain import duties
from refledger.domain.duties import Act
from refledger.domain.errors import CodeClosesCircle, CustomerPaidBefore, ProgramClosed
from refledger.domain.programs import Program, ProgramStatus
from refledger.domain.times import DAY_MS, HOUR_MS
from refledger.domain.uplines import Link
from refledger.operations.context import Context
from refledger.store import bindings, customers, partners
from refledger.store.transaction import Write

CHAIN_READS = 20  # ten links each; a longer chain is refused like a circle


def check_open(program: Program) -> None:
    """Refuse where nobody is referred at the moment. Raises ProgramClosed."""
    if program.status is not ProgramStatus.ACTIVE:
        raise ProgramClosed(f"the program is {program.status.lower()}: nobody is referred to it")


def check_stranger(context: Context, act: Act, upline: Sequence[Link], depth: int, *people: str) -> None:
    """Refuse who says what they earn themselves, or from whom.

    `people`: keyed hashes of who does, "" for a machine. Raises Forbidden.
    """
    for by in filter(None, people):
        own = partners.id_of_user(context.table, by)  # whoever was linked later stands there without a user
        users = [by if own == link.partner_id else link.customer for link in upline[:depth]]
        duties.check_stranger(act, by, *users)


def check_new_customer(context: Context, program: Program, customer: str, *, by_machine: bool = False) -> None:
    """Refuse who paid before anybody had referred them, unless the program takes them.

    Then people refer them, and no service.

    What they paid within the program's window does not count: it is taken when the referral comes.
    Raises CustomerPaidBefore.
    """
    if not (program.new_customers_only or by_machine):
        return
    before_ms = context.now_ms() - program.bind_within_hours * HOUR_MS
    if customers.paid_before(context.table, customer, before_ms):
        raise CustomerPaidBefore("this customer has paid before: only new ones are referred")


def expires_at(program: Program, now_ms: int) -> int:
    """Return when a referral expires that is made now, 0 for never."""
    return now_ms + program.attribution_days * DAY_MS if program.attribution_days else 0


def top_unchanged(program_id: str, nearest: str, top: Link) -> list[Write]:
    """Demand that the top of the chain is as it was read.

    It is the only link through which a circle can still close.

    `nearest`: the partner whose customer it is; that they have no user is made sure of by the partner's own version.
    """
    if top.customer:
        return [bindings.top_still_unbound(program_id, top.customer)]
    return [partners.still_without_user(top.partner_id)] if top.partner_id != nearest else []


def chain_above(
    context: Context, program_id: str, nearest: Link, user: str | None, own_partner: str | None
) -> tuple[list[Link], Link]:
    """Return the links above `nearest` who earn from what is referred now, and the topmost of all.

    The topmost is the one whom nobody referred.

    Nobody earns through a referral that was rejected or has expired; but it stays, and so would a circle through it.
    A partner whose user was linked later stands in older chains without one: they are looked up.
    Raises CodeClosesCircle where the user, or their partner, is among them.
    """
    links: list[Link] = []
    top, cut = nearest, False
    for _ in range(CHAIN_READS):
        if not top.customer and top is not nearest:
            top = replace(top, customer=partners.find(context.table, top.partner_id).customer)
        binding = bindings.find(context.table, program_id, top.customer) if top.customer else None
        if user == top.customer:
            break
        if binding is None:
            return links, top
        cut = cut or binding.is_over(context.now_ms())
        links += () if cut else binding.upline
        if any(link.customer == user or link.partner_id == own_partner for link in binding.upline):
            break
        top = binding.upline[-1]
    raise CodeClosesCircle("this code's partner was referred, directly or not, by this customer")
