"""What several of a provider's objects, or one at several times, tell of the same money: who knows it best."""

from __future__ import annotations

from dataclasses import replace

from refledger.domain.payments import Payment, said
from refledger.domain.tellers import Teller


def better(payment: Payment, other: Payment) -> Payment:
    """Return the payment with what `other` tells of its money, where that knows more of it.

    Amount, base, shipping, products. Whose it is and when it was paid stays. The best of all that is told is the same
    in whatever order it is told. What the owner's own events say is corrected by nothing.
    """
    if Teller.ITSELF in (payment.teller, other.teller) or payment.currency != other.currency:
        return payment
    uncaptured = max(payment.back.uncaptured, other.back.uncaptured)
    new = replace(payment, back=replace(payment.back, uncaptured=uncaptured))
    if _knows_more(other, payment):
        new = replace(
            new, amount=other.amount, base=other.base, lines=other.lines, shipping=other.shipping,
            product_id=other.product_id, teller=other.teller, external_id=other.external_id or payment.external_id,
        )  # fmt: skip
    return replace(new, body=said(new)) if new != payment else payment


def contradicts(payment: Payment, other: Payment) -> bool:
    """Return whether what `other` tells cannot be true beside the payment.

    Objects of different kinds know different things, and of a charge that is captured several times the smaller sum is
    only the older one.
    """
    if payment.currency != other.currency:
        return True
    if payment.teller is not other.teller or payment.body == other.body:
        return False
    is_older = payment.teller is Teller.CHARGE and other.amount < payment.amount
    return not is_older or (other.customer, other.program_id) != (payment.customer, payment.program_id)


def _knows_more(one: Payment, other: Payment) -> bool:
    if one.teller is other.teller:
        return one.teller is Teller.CHARGE and one.amount > other.amount
    return one.teller > other.teller
