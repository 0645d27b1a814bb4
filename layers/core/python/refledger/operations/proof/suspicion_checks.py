"""What two systems told of the same money, held against who waits for a person, and who was let in all the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from refledger.domain.payments import Payment, PaymentKind
from refledger.domain.rewards import IN_BALANCE, POSSIBLE_DUPLICATE, Cancelled, Reward, worth
from refledger.domain.suspicion import Sighting, clusters
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Firsts
from refledger.store import bindings, payments, sightings


def waiting_faults(payment: Payment, earned: Iterable[Reward]) -> Iterator[str]:
    """Check that rewards of a possible duplicate are held, unless a person released them."""
    for reward in earned:
        is_held = POSSIBLE_DUPLICATE in reward.held
        if payment.twin and worth(reward):
            yield f"reward {reward.id}: was let in, and nobody has said that its payment is not {payment.twin}"
        elif payment.twin and not is_held and reward.status not in IN_BALANCE and not _is_gone(reward):
            yield f"reward {reward.id}: does not wait, though its payment may be {payment.twin}"
        if is_held and reward.twin != payment.twin:
            yield f"reward {reward.id}: waits because of payment {reward.twin}, its payment says {payment.twin!r}"


def _is_gone(reward: Reward) -> bool:
    return reward.cancelled in (Cancelled.BY_HAND, Cancelled.IDLE, Cancelled.DUPLICATE)


def unseen_faults(context: Context, found: Sequence[Payment], firsts: Firsts) -> Iterator[tuple[str, str]]:
    """Check customers of whom several systems tell for payments that may be one and are not held.

    More than one of such payments goes its way.

    Yields one of them, and why. `firsts` knows the customers of whom this was asked before.
    """
    customers = {(each.program_id, each.customer) for each in found if each.customer}
    asked = [each for each in sorted(customers) if firsts.is_new("customer", " ".join(each))]
    for binding in bindings.many(context.table, asked):
        if not binding.is_mixed or binding.again:  # what is to be looked at again is not decided yet
            continue
        for cluster in clusters(list(sightings.of_customer(context.table, binding))):
            yield from _unseen(context, cluster)


def _unseen(context: Context, cluster: Sequence[Sighting]) -> Iterator[tuple[str, str]]:
    if len(cluster) < 2:
        return
    told = payments.many(context.table, [each.payment for each in cluster])
    free = [each for each in told if each.kind is PaymentKind.PAYMENT and each.shares and not each.twin]
    if len(free) > 1:
        names = " and ".join(each.id for each in free)
        yield free[0].id, f"payments {names}: may be the same money, and none of them waits for a person"
