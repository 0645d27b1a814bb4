"""What should have happened by now where schedules and the stream's readers run beside the check: what waits for longer
than it may, and what follows from the books and does not.

Whoever stops everything makes things wait: nothing is said of that then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from refledger.domain.partners import Partner
from refledger.domain.payments import Origin, Payment, PaymentKind
from refledger.domain.referrals import OPEN, Referral, ReferralStatus
from refledger.domain.rewards import Reward, RewardStatus
from refledger.domain.times import DAY_MS, HOUR_MS, iso
from refledger.domain.withdrawals import Withdrawal, WithdrawalStatus
from refledger.operations.context import Context
from refledger.store import keys, rewards, search

DUE_LATE_MS = 2 * DAY_MS  # after its time: the daily look has come by twice
DECIDE_LATE_MS = DAY_MS  # after the program's time: the sweeper looks every minute
APPROVED_LATE_MS = 2 * DAY_MS  # of what a provider pays: the sweeper begins it again, each hour at the latest
PAYING_LATE_MS = 35 * DAY_MS  # the workflow asks the provider again after thirty
IN_A_FILE_LATE_MS = 90 * DAY_MS  # with a bank: a person says how it ended
FOLLOWS_MS = HOUR_MS  # longer than the stream's readers are behind; an alarm rings before that


def waiting_faults(
    context: Context, earned: Iterable[Reward], asked: Iterable[Withdrawal]
) -> Iterator[tuple[str, str]]:
    """Yield (currency, reason) of what waits for longer than it may, and for no person."""
    if context.stopped():
        return
    now_ms = context.now_ms()
    for reward in earned:
        is_due = reward.matures_at_ms < now_ms - DUE_LATE_MS and reward.created_at_ms < now_ms - DUE_LATE_MS
        if reward.status is RewardStatus.PENDING and not reward.held and is_due:
            yield reward.currency, f"reward {reward.id}: waits, although it was due {iso(reward.matures_at_ms)}"
    for w in asked:
        if not w.problem and (until_ms := _until(w)) and now_ms > until_ms:
            yield w.currency, f"withdrawal {w.id}: is {w.status}, and nothing became of it by {iso(until_ms)}"


def _until(w: Withdrawal) -> int:
    """By when something must have become of it; 0 where it waits for a person as long as that takes."""
    status = WithdrawalStatus
    match w.status:
        case status.REQUESTED:
            return w.expires_at_ms + DECIDE_LATE_MS
        case status.APPROVED:
            return w.changed_at_ms + APPROVED_LATE_MS if w.is_sent and not w.blocked else 0
        case status.PAYING:
            return w.changed_at_ms + (PAYING_LATE_MS if w.is_sent else IN_A_FILE_LATE_MS)
        case status.PAID | status.REJECTED | status.CANCELLED | status.EXPIRED | status.FAILED | status.RETURNED:
            return 0


def cursor_faults(context: Context, partner_id: str, currencies: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield (currency, reason) of looks for due rewards that begin after what is due."""
    now = keys.due_from(context.now_ms() + FOLLOWS_MS)
    for currency in sorted(currencies):
        if rewards.looked_until(context.table, partner_id, currency) > now:
            yield currency, "the look for its due rewards begins with some that are to come: none before is found"
    if rewards.overdue_marks(context.table, [partner_id])[partner_id] > now:
        yield "", "the daily look for its overdue rewards begins with some that are to come"


def following_faults(
    context: Context, partner: Partner, paid: Iterable[Payment], earned: Iterable[Reward],
    referred: Mapping[str, Referral],
) -> Iterator[str]:  # fmt: skip
    """Yield what the stream's readers should have made of the books an hour ago, and is not there."""
    before_ms = context.now_ms() - FOLLOWS_MS
    told = {
        each.referral_id for each in paid
        if each.kind is PaymentKind.PAYMENT and each.origin is Origin.PAYMENT and each.created_at_ms < before_ms
    }  # fmt: skip
    covered = {each.referral_id for each in earned if each.status is RewardStatus.PAID}
    for id, referral in sorted(referred.items()):
        if referral.partner_id != partner.id or referral.updated_at_ms >= before_ms:
            continue
        if id in told and referral.status in OPEN:
            yield f"referral {id}: is {referral.status}, and its customer has paid: `rebuild progress`"
        elif id in covered and id in told and referral.status is ReferralStatus.CONVERTED and not referral.payout:
            yield f"referral {id}: is {referral.status}, and a reward of it was paid out: `rebuild progress`"
    if max(partner.updated_at_ms, partner.created_at_ms) < before_ms and search.missing(
        context.table, search.follow(None, partner)
    ):
        yield "is not found by all of its names: `rebuild search`"
