"""Somebody who wants to be forgotten: what says who they are goes, and the books stay as they are.

Ids, keyed hashes, amounts and moments are left, so that every balance can still be derived and every manifest fits. Who
was paid, and why something was corrected, are vouchers: they stay until the books of their year need not be kept any
more, and the same command takes them away then. What is done already is left alone: whoever was interrupted, or comes
once more after a day for what the table's stream told late, does the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from refledger.domain import times
from refledger.domain.adjustments import AdjustmentStatus
from refledger.domain.currencies import money
from refledger.domain.invitations import InvitationStatus
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.people import Person
from refledger.domain.rewards import BY_HAND, RewardStatus
from refledger.domain.withdrawals import OPEN
from refledger.operations import external_ids, likeness
from refledger.operations.context import Context, commit
from refledger.operations.external_ids import Kind
from refledger.operations.partners import partners
from refledger.operations.people import nameless
from refledger.operations.referring import reads
from refledger.store import (
    adjustments,
    applications,
    bindings,
    book_items,
    erasure,
    invitations,
    keys,
    ledger,
    methods,
    people,
    programs,
    referrals,
    rewards,
)  # fmt: skip
from refledger.store import partners as stored_partners
from refledger.store import withdrawals as stored_withdrawals
from refledger.store.table import place
from refledger.store.transaction import Item, Write

KEPT_YEARS = 10  # what most of the EU's laws ask of vouchers, from the end of their year
WAITING = (RewardStatus.PENDING, RewardStatus.CALCULATED)
AUDIT = "audit entries"
Step = tuple[str, list[Write]]  # what is done, and the writes of it, which are made together


@dataclass
class Report:
    """What was, or would be, done: how many of what. `kept`: what stays for the books, until `kept_until_ms`."""

    done: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    kept_until_ms: int = 0

    def keep(self, what: str, until_ms: int) -> None:
        self.kept[what] += 1
        self.kept_until_ms = max(self.kept_until_ms, until_ms)


def why_not(context: Context, partner_id: str, *, anyway: bool = False) -> list[str]:
    """Return what stands against forgetting a partner, in words.

    Money that nobody has asked for does not, with `anyway`.

    Raises PartnerNotFound.
    """
    partner = stored_partners.find(context.table, partner_id)
    found = []
    if partner.status is not PartnerStatus.TERMINATED:
        found.append(f"the partner is {partner.status}: somebody who may must terminate them first")
    for item in erasure.withdrawals_of(context.table, partner_id):
        withdrawal = stored_withdrawals.from_item(item)
        if withdrawal.status in OPEN or withdrawal.problem:
            found.append(f"withdrawal {withdrawal.id} is {withdrawal.problem or withdrawal.status}")
    for item in erasure.adjustments_of(context.table, partner_id):
        adjustment = adjustments.from_item(item)
        if adjustment.status is AdjustmentStatus.WAITING:
            found.append(f"adjustment {adjustment.id} waits for a second person")
    return found if anyway else [*found, *_owed(context, partner_id)]


def _owed(context: Context, partner_id: str) -> Iterator[str]:
    for balance in ledger.balances(context.table, partner_id):
        if balance.available:
            yield f"{money(balance.available, balance.currency)} are in the balance"
    earned = rewards.all_of(context.table, context.reward_partitions(partner_id))
    waiting = Counter(each.currency for each in earned if each.status in WAITING)
    for currency, number in sorted(waiting.items()):
        yield f"{number} rewards in {currency} wait for their time"


def partner(context: Context, partner_id: str, *, years: int = KEPT_YEARS, dry_run: bool = False) -> Report:
    """Forget a partner. `years`: how long vouchers are kept, from the end of their year.

    Ask `why_not` first. Idempotent. Raises PartnerNotFound, Busy.
    """
    report = Report()
    found = stored_partners.find(context.table, partner_id)
    # What is found by the partner's address goes before the address does
    steps = [_invited(context, found), _applied(context, found)]
    steps += [_themselves(context, found), _under(context, partner_id), _referred(context, partner_id)]
    steps += [_vouchers(context, partner_id, years, report), _did(context, found.customer)]
    _do(context, (step for each in steps for step in each), report, dry_run=dry_run)
    return report


def customer(context: Context, customer_id: str, *, dry_run: bool = False) -> Report:
    """Forget what is known of a customer, by the id that the owner has of them, in every program.

    What was written with their referrals, their id in a CRM, and the audit of it. Payments keep the keyed hash of the
    id. Idempotent.
    """
    report, user = Report(), context.ids.user(customer_id)
    _do(context, _as_customer(context, user), report, dry_run=dry_run)
    return report


def person(context: Context, person_id: str, *, dry_run: bool = False) -> Report:
    """Forget the name of somebody who acted for the owner, by their id, or by the `sub` of their tokens.

    What they did stays, under the id alone. Idempotent.
    """
    report, ids = Report(), (person_id, context.ids.user(person_id))
    known = people.many(context.table, ids)
    _do(context, (_nameless(context, each) for each in known.values() if each.name), report, dry_run=dry_run)
    return report


def _nameless(context: Context, known: Person) -> Step:
    return "name", nameless(known, context.now_ms())[1]


def also_partner(context: Context, customer_id: str) -> str | None:
    """Return the partner as whom a customer signs in, who is forgotten apart."""
    return stored_partners.id_of_user(context.table, context.ids.user(customer_id))


def _do(context: Context, steps: Iterable[Step], report: Report, *, dry_run: bool) -> None:
    seen: set[tuple[str, str]] = set()
    for what, writes in steps:
        if what == AUDIT:  # an entry is found by what was done, and by who did it
            if (entry := place(writes[0].target)) in seen:
                continue
            seen.add(entry)
        if not dry_run:
            commit(context, *writes)
        report.done[what] += 1


# ---------------------------------------------------------------- partners


def _themselves(context: Context, found: Partner) -> Iterator[Step]:
    """The tombstone, once: with the guards and rows that lead to them by name, and the audit's word of it."""
    if found.forgotten_at_ms:
        return
    now_ms = context.now_ms()
    by = erasure.told(found.id, "PARTNER", now_ms)
    address, traits = partners.address(context, found.email), likeness.traits(context, found)
    called = external_ids.moves(context, Kind.PARTNER, found.program_id, found.id, found.external_id, "")
    yield "profile", erasure.forget(found, address, traits, by, now_ms) + called


def _under(context: Context, partner_id: str) -> Iterator[Step]:
    for item in erasure.under_partner(context.table, partner_id):
        told = keys.told_of(item)
        kind = told[0] if told else ""
        if kind == "PAYOUT_METHOD":
            method = methods.from_item(item)
            if method.is_active or erasure.blank(item):
                yield "payout methods", erasure.forget_method(method, item, context.now_ms())
        elif write := erasure.blank(item):
            yield (f"{kind.lower()}s" if kind else "addresses of calls"), [write]
    yield from _audited(context, partner_id)


def _invited(context: Context, found: Partner) -> Iterator[Step]:
    """Invitations that they took, or that were sent to their address; what is open is revoked."""
    for item in erasure.invitations(context.table):
        invitation = invitations.from_item(item)
        sent = found.email and invitation.person.email.casefold() == found.email.casefold()
        if sent and invitation.status is InvitationStatus.PENDING:
            yield "open invitations", [invitations.use(replace(invitation, status=InvitationStatus.REVOKED))]
        if invitation.partner_id == found.id or sent:
            yield from _whole(context, "invitations", invitation.id, item)


def _applied(context: Context, found: Partner) -> Iterator[Step]:
    for item in erasure.applications(context.table):
        application = applications.from_item(item)
        if application.partner_id == found.id or (found.customer and application.user == found.customer):
            yield from _whole(context, "applications", application.id, item)


def _referred(context: Context, partner_id: str) -> Iterator[Step]:
    """What was written with the referrals that they made; whom these are of is forgotten apart."""
    for item in book_items.referrals_of(context.table, partner_id):
        if write := erasure.blank(item, "note", "metadata"):
            yield "notes", [write]
        yield from _audited(context, referrals.from_item(item).id)


def _vouchers(context: Context, partner_id: str, years: int, report: Report) -> Iterator[Step]:
    now_ms = context.now_ms()

    def over(what: str, item: Item, at_ms: int) -> Iterator[Step]:
        until_ms = kept_until(at_ms, years)
        if erasure.is_personal(item) and now_ms < until_ms:
            report.keep(what, until_ms)
            if write := erasure.unsigned(item):
                yield "addresses of calls", [write]
        elif write := erasure.blank(item):
            yield what if erasure.is_personal(item) else "addresses of calls", [write]

    for item in erasure.withdrawals_of(context.table, partner_id):
        withdrawal = stored_withdrawals.from_item(item)
        yield from over("payees of withdrawals", item, withdrawal.entered_at_ms)
        for note in erasure.notes_of_withdrawal(context.table, withdrawal.id):
            if write := erasure.blank(note):
                yield "notes", [write]
        yield from _audited(context, withdrawal.id)
    for item in erasure.adjustments_of(context.table, partner_id):
        adjustment = adjustments.from_item(item)
        yield from over("reasons of adjustments", item, max(adjustment.created_at_ms, adjustment.decided_at_ms))
        yield from _audited(context, adjustment.id)
    for item in rewards.items_of(context.table, context.reward_partitions(partner_id)):
        reward = rewards.from_item(item)
        yield from over("notes on rewards", item, reward.earned_at_ms)
        if reward.note:
            yield from _audited(context, reward.id)
        if reward.rule == BY_HAND and (given := context.table.get(keys.payment(reward.payment))):
            yield from over("reasons of rewards by hand", given, reward.earned_at_ms)
            yield from _audited(context, reward.payment)


def kept_until(at_ms: int, years: int) -> int:
    """Return the end of the year in which `at_ms` lies, and so many years later."""
    year = int(times.day(at_ms)[:4]) + years + 1
    return times.from_datetime(datetime(year, 1, 1, tzinfo=UTC))


def _did(context: Context, user: str) -> Iterator[Step]:
    """From which network they did what they did."""
    for item in erasure.entries_by(context.table, user) if user else ():
        if write := erasure.blank_entry(item, origin_too=True):
            yield AUDIT, [write]


# ---------------------------------------------------------------- customers


def _as_customer(context: Context, user: str) -> Iterator[Step]:
    for named in erasure.named_payments(context.table, user):
        yield "ids with payments that were nobody's", [named]
    program_ids = [program.id for _, program in programs.after(context.table, "")]
    for binding in bindings.many(context.table, [(id, user) for id in program_ids]):
        item = context.table.get(keys.referral(binding.referral_id))
        if item is None:
            continue
        write = erasure.blank(item)
        if write:
            said = erasure.told(binding.referral_id, "REFERRAL", context.now_ms())
            referral = referrals.from_item(item)
            lead, own = referral.lead, referral.external_id
            facts = erasure.blank_lead(context.table, reads.lead_hash(context, lead)) if lead else []
            called = external_ids.moves(context, Kind.REFERRAL, referral.program_id, referral.id, own, "")
            yield "referrals", [write, said, *facts, *called]
        yield from _audited(context, binding.referral_id)


# ---------------------------------------------------------------- both


def _whole(context: Context, what: str, entity: str, item: Item) -> Iterator[Step]:
    if write := erasure.blank(item):
        yield what, [write]
    yield from _audited(context, entity)


def _audited(context: Context, entity: str) -> Iterator[Step]:
    for item in erasure.entries_of(context.table, entity):
        if write := erasure.blank_entry(item):
            yield AUDIT, [write]
