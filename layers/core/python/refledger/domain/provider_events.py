"""What a provider's word about a payout comes to: whatever it says, however late, in any order, and again.

A provider tells of one payout. What it says about money is believed where it fits what is known: then the status and
the money move. Where it does not fit, nothing is guessed: the withdrawal gets a problem, and a person looks. A label
that says whose payout it is proves nothing: anybody with the owner's key can write one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from refledger.domain.withdrawals import SYSTEM, PayoutProblem, Withdrawal, WithdrawalStatus


class Said(StrEnum):
    PAID = "PAID"
    RETURNED = "RETURNED"  # all of it came back
    PARTLY_RETURNED = "PARTLY_RETURNED"
    FAILED = "FAILED"  # for certain not paid


@dataclass(frozen=True)
class Delivered:
    """What moved, and where to. `amount` in ISO 4217 minor units of `currency`, None where it is not exact in them.

    `account`: as `methods.masked` shows it. The account itself is sealed, and who listens to a provider cannot open it;
    so another one with the same last four characters passes here, and only `Payouts.find` sees it.
    """

    amount: int | None
    currency: str
    account: str


@dataclass(frozen=True)
class News:
    """`key`: the payout's key (`Withdrawal.provider_key`), "" where the provider does not tell it.

    `event_id`: the provider's id of the message, by which a repeat is known; "" where there is none.
    `delivered`: None where who tells has held it against the order already, as `Payouts.send` and `find` do.
    `returned`: how much of the payout had come back, in the provider's units; 0 where it is not told.
    """

    said: Said
    transaction_id: str = ""
    key: str = ""
    event_id: str = ""
    delivered: Delivered | None = None
    returned: int = 0

    @property
    def request(self) -> str:
        """The same for the repeat of what was said, by whatever message.

        That all of it was paid, or came back, is said of a payout once: then it is the payout. Of a part that came back
        it is the payout and the sum so far.
        """
        whole = self.key if self.said in (Said.PAID, Said.RETURNED) else ""
        part = f"{self.transaction_id}:{self.returned}" if self.said is Said.PARTLY_RETURNED and self.returned else ""
        what = whole or part or self.event_id or self.transaction_id or self.key
        return f"{self.said}:{what}"


@dataclass(frozen=True)
class Answer:
    """`moves`: statuses, one after the other, each with its money. `problem`: what it then has.

    `solved`: the problem that it has is none any more. `reported`: people should hear of it. `kept`: nothing
    follows now, but it must be known when the rest is told.
    """

    moves: tuple[WithdrawalStatus, ...] = ()
    problem: PayoutProblem | None = None
    solved: bool = False
    reported: bool = False
    kept: bool = False


NOTHING = Answer()
IMPOSSIBLE = Answer(reported=True)  # told of a payout that was never made


def fits(withdrawal: Withdrawal, news: News) -> bool:
    """Return whether what moved is what was to be paid."""
    wanted = Delivered(withdrawal.amount, withdrawal.currency, withdrawal.method.masked)
    return news.delivered in (None, wanted)


def request_of(withdrawal: Withdrawal, news: News) -> str:
    """Return by what the repeat of the news is known.

    What does not fit may bear the key of the payout, and is not the payout: what is said of that must still be heard.
    """
    return news.request if fits(withdrawal, news) else f"OTHER:{news.said}:{news.event_id or news.transaction_id}"


def is_old(withdrawal: Withdrawal, news: News) -> bool:
    """Return whether a part that came back is known by another message.

    The same one, or one that tells of more of it.
    """
    if news.said is not Said.PARTLY_RETURNED:
        return False
    told = [step.request for step in withdrawal.steps if step.request.startswith(f"{Said.PARTLY_RETURNED}:")]
    if news.event_id and f"{Said.PARTLY_RETURNED}:{news.event_id}" in told:
        return True
    of_it = f"{Said.PARTLY_RETURNED}:{news.transaction_id}:"
    sums = [int(text[len(of_it) :]) for text in told if text.startswith(of_it)]
    return bool(news.returned) and any(sum >= news.returned for sum in sums)


def answer(withdrawal: Withdrawal, news: News) -> Answer:
    """Return what follows from the news for the withdrawal as it is.

    Every status and every word has an answer.
    """
    if withdrawal.payout == 0 or not withdrawal.is_sent:
        return IMPOSSIBLE
    if not fits(withdrawal, news):  # for `Payouts.find` it is a PayoutFault: it comes to the same
        return (
            _problem(withdrawal, PayoutProblem.UNKNOWN) if withdrawal.status is WithdrawalStatus.PAYING else IMPOSSIBLE
        )
    if news.said is Said.PAID:
        return _paid(withdrawal, news)
    if _of_another(withdrawal, news):  # of a payout whose end is known, and after which another one was begun
        return Answer(kept=news.said is Said.RETURNED)
    match news.said, withdrawal.status:
        case Said.FAILED, WithdrawalStatus.PAYING:
            return Answer((WithdrawalStatus.FAILED,))
        case Said.FAILED, WithdrawalStatus.PAID:
            return _problem(withdrawal, PayoutProblem.FAILED_AFTER_PAID)
        # what came back had arrived
        case Said.RETURNED, WithdrawalStatus.REQUESTED | WithdrawalStatus.APPROVED | WithdrawalStatus.PAYING:
            return Answer((WithdrawalStatus.PAID, WithdrawalStatus.RETURNED))
        case Said.RETURNED, WithdrawalStatus.PAID if _part_was_put_right(withdrawal):
            return _problem(withdrawal, PayoutProblem.PARTLY_RETURNED)  # all of it again would give that part twice
        case Said.RETURNED, WithdrawalStatus.PAID:
            return Answer((WithdrawalStatus.RETURNED,))
        case (
            Said.RETURNED,
            WithdrawalStatus.FAILED | WithdrawalStatus.REJECTED | WithdrawalStatus.CANCELLED | WithdrawalStatus.EXPIRED,
        ):
            # Paid after all, and it came back: as if it had failed.
            is_known = withdrawal.problem is PayoutProblem.PAID_AFTER_FAILED
            return Answer(solved=is_known, kept=not is_known)
        case Said.PARTLY_RETURNED, WithdrawalStatus.REQUESTED | WithdrawalStatus.APPROVED | WithdrawalStatus.PAYING:
            return Answer((WithdrawalStatus.PAID,), PayoutProblem.PARTLY_RETURNED, reported=True)
        case Said.PARTLY_RETURNED, WithdrawalStatus.PAID:
            return _problem(withdrawal, PayoutProblem.PARTLY_RETURNED)
        # so it had been paid
        case (
            Said.PARTLY_RETURNED,
            WithdrawalStatus.FAILED | WithdrawalStatus.REJECTED | WithdrawalStatus.CANCELLED | WithdrawalStatus.EXPIRED,
        ):
            return _problem(withdrawal, PayoutProblem.PAID_AFTER_FAILED)
        case (Said.FAILED, _) | (Said.RETURNED | Said.PARTLY_RETURNED, WithdrawalStatus.RETURNED):
            return NOTHING
        case other:
            raise AssertionError(f"no answer to {other}")


def _paid(withdrawal: Withdrawal, news: News) -> Answer:
    """Money has left. Also of an earlier payout than the one that is under way: then no other one must follow,
    though people are asked once more (REQUESTED). Where the money was put back it is a person's business.

    Not where it is known already that all of it came back.
    """
    if any(step.request == replace(news, said=Said.RETURNED).request for step in withdrawal.steps):
        return NOTHING
    match withdrawal.status:
        case WithdrawalStatus.REQUESTED | WithdrawalStatus.APPROVED | WithdrawalStatus.PAYING:
            return Answer((WithdrawalStatus.PAID,))
        case WithdrawalStatus.PAID | WithdrawalStatus.RETURNED:
            return _problem(withdrawal, PayoutProblem.PAID_TWICE) if _of_another(withdrawal, news) else NOTHING
        case (
            WithdrawalStatus.FAILED | WithdrawalStatus.REJECTED | WithdrawalStatus.CANCELLED | WithdrawalStatus.EXPIRED
        ):
            return _problem(withdrawal, PayoutProblem.PAID_AFTER_FAILED)


def _of_another(withdrawal: Withdrawal, news: News) -> bool:
    """Whether the news is of another payout than the one that was settled, or else the newest one.

    A person's word that it was paid is taken to be about the newest.
    """
    if news.transaction_id and news.transaction_id == withdrawal.transaction_id:
        return False
    settled = next((step for step in withdrawal.steps if step.status is WithdrawalStatus.PAID), None)
    settled_key = settled.request.removeprefix(f"{Said.PAID}:") if settled and settled.by == SYSTEM else ""
    if news.key:
        known = settled_key if settled_key.startswith(f"{withdrawal.id}-") else withdrawal.provider_key
        return news.key != known
    by_provider = settled is None or settled.by == SYSTEM  # people may have typed another id of the same transfer
    return bool(by_provider and news.transaction_id and withdrawal.transaction_id not in ("", news.transaction_id))


def _part_was_put_right(withdrawal: Withdrawal) -> bool:
    """Whether a part of it came back, and a person has said that this is settled."""
    told = any(step.request.startswith(f"{Said.PARTLY_RETURNED}:") for step in withdrawal.steps)
    return told and withdrawal.problem is not PayoutProblem.PARTLY_RETURNED


def _problem(withdrawal: Withdrawal, problem: PayoutProblem) -> Answer:
    """What somebody still has to look at keeps its name; the history has both."""
    return Answer(problem=withdrawal.problem or problem, reported=True)
