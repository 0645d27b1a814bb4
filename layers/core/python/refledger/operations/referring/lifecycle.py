"""Referrals as staff, services and CRMs make and move them. Each operation is idempotent, in any order of arrival."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from refledger.domain import codes, uplines
from refledger.domain.duties import Act
from refledger.domain.errors import (
    AlreadyReferred,
    CodeNotActive,
    CodeNotFound,
    Conflict,
    Invalid,
    LeadTaken,
    OwnCode,
    ReferralClosed,
    check_version,
)
from refledger.domain.owner_data import Metadata
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.referrals import CLOSED, DELETED, Referral, ReferralSource, ReferralStatus
from refledger.domain.uplines import Link
from refledger.operations import external_ids
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.external_ids import Kind
from refledger.operations.idempotency import Once
from refledger.operations.referring import reads
from refledger.operations.upline_resolution import (
    chain_above,
    check_new_customer,
    check_open,
    check_stranger,
    expires_at,
    top_unchanged,
)
from refledger.store import bindings, keys, partners, programs, referrals
from refledger.store import codes as stored_codes
from refledger.store.transaction import ConditionFailed, RetryableConflict, Write


@dataclass(frozen=True)
class NewReferral:
    """Whose it is: `partner_id`, or `code`, or both. `customer`: keyed hash of who will pay (`Ids.user`), "" if nobody
    knows; `customer_id`: what the owner calls them.
    """

    partner_id: str = ""
    code: str = ""  # as it was typed
    source: ReferralSource = ReferralSource.UNKNOWN
    campaign: str = ""
    lead: str = ""
    customer: str = ""
    customer_id: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    external_id: str = ""
    metadata: Metadata = ()


@dataclass(frozen=True)
class ReferralUpdate:
    """What is to be different; None: as it is."""

    source: ReferralSource | None = None
    campaign: str | None = None
    note: str | None = None
    tags: tuple[str, ...] | None = None
    customer: str | None = None
    customer_id: str = ""
    external_id: str | None = None
    metadata: Metadata | None = None


# ---------------------------------------------------------------- new ones


def create(
    context: Context,
    new: NewReferral,
    caller: str,
    key: str | None,
    body: str,
    *,
    by: str = "",
    by_machine: bool = False,
    makers: Collection[str] = (),
) -> Referral:
    """Return a PENDING referral.

    Idempotent by `key` (the Idempotency-Key, or the id of an event), and refused for a lead or a customer that has one
    already. The up-line and the rules are frozen now. `by`: keyed hash of the person who enters it, "" for a CRM;
    Forbidden where they would earn from it. `by_machine`: it is a service, who binds no customer that has paid before.
    `makers`: the people behind what a machine tells, who would not earn from it either.

    Raises Invalid, CodeNotFound, PartnerNotFound, CodeNotActive, ProgramNotFound, ProgramClosed, LeadTaken,
    ExternalIdTaken, AlreadyReferred, CustomerPaidBefore, OwnCode, CodeClosesCircle, KeyReused.
    """
    request = Once.of(context, caller, "referrals", key, body)
    return create_once(context, new, request, by=by, by_machine=by_machine, makers=makers)


@retry_on_conflict
def create_once(
    context: Context, new: NewReferral, request: Once, *, by: str = "", by_machine: bool = False,
    makers: Collection[str] = (),
) -> Referral:  # fmt: skip
    """Make a referral like `create`, idempotent by `request`."""
    if earlier := request.known(context):
        return referrals.find(context.table, earlier.referral)
    partner, program_id, code = _whose(context, new)
    program = programs.find(context.table, program_id)
    check_open(program)
    now_ms = context.now_ms()
    nearest = Link(partner.id, partner.customer, partner.own_rates)
    try:
        above, top = _chain(context, partner, program_id, nearest, new.customer)
    except AlreadyReferred:
        if earlier := request.known(context):  # by this very request, since it was looked at
            return referrals.find(context.table, earlier.referral)
        raise
    if new.customer:
        check_new_customer(context, program, new.customer, by_machine=by_machine or not by)
    made = Referral(
        id=keys.referral_id(partner.id, now_ms, context.ids.digest("referral", request.key)),
        program_id=program_id,
        status=ReferralStatus.PENDING,
        source=new.source,
        upline=uplines.freeze(nearest, above),
        depth=program.rules.depth,
        rule_version=program.version,
        created_at_ms=now_ms,
        customer=new.customer,
        customer_id=context.customer_id(new.customer_id),
        lead=new.lead,
        code=code,
        campaign=new.campaign,
        until_ms=expires_at(program, now_ms),
        note=new.note,
        tags=tuple(sorted(set(new.tags))),
        external_id=new.external_id,
        metadata=new.metadata,
    ).made_by("" if by_machine else by, *makers)
    check_stranger(context, Act.REFER, made.upline, made.depth, by, *makers)
    writes = [referrals.create(made), partners.still_as_read(partner), request.guard(referral=made.id)]
    writes += external_ids.moves(context, Kind.REFERRAL, program_id, made.id, "", made.external_id)
    if new.lead:
        writes.append(referrals.take_lead(reads.lead_hash(context, new.lead), made.id))
    if new.customer:
        writes.append(bindings.bind(made.bound(new.customer, now_ms, "" if by_machine else by)))
        writes += top_unchanged(program_id, partner.id, top)
    try:
        context.table.commit(*writes)
    except ConditionFailed as failed:
        if earlier := request.earlier(failed):
            return referrals.find(context.table, earlier.referral)
        _refuse(failed)
        raise
    return made


def _whose(context: Context, new: NewReferral) -> tuple[Partner, str, str]:
    """The partner, the program that is referred to, and the code with which the customer came, "" for none."""
    if not new.code:
        if not new.partner_id:
            raise Invalid("partnerId: this or referralCode is needed")
        partner = partners.find(context.table, new.partner_id)
        program_id, code, active = partner.program_id, "", True
    else:
        typed = codes.normalise(new.code)
        guard = stored_codes.guard_of(context.table, typed)
        if guard is None or typed is None:
            raise CodeNotFound("there is no such code")
        if new.partner_id not in ("", guard.partner_id):
            raise Invalid("referralCode: not a code of this partner")
        partner = partners.find(context.table, guard.partner_id)
        program_id, code, active = guard.program_id, typed, guard.is_active
    if partner.status is not PartnerStatus.ACTIVE or not active:
        raise CodeNotActive("the code, or its partner, is not active")
    return partner, program_id, code


def _chain(
    context: Context, partner: Partner, program_id: str, nearest: Link, customer: str, referral_id: str = ""
) -> tuple[list[Link], Link]:
    """Who earns beside the partner, and the top of the chain. Raises what keeps the customer from being bound, and
    RetryableConflict where somebody has just bound them to this referral.
    """
    if not customer:
        return chain_above(context, program_id, nearest, None, None)
    bound, own = bindings.with_user(context.table, program_id, customer)
    if partner.customer == customer:
        raise OwnCode("nobody refers themselves")
    if bound and bound.referral_id == referral_id:
        raise RetryableConflict("the customer was bound meanwhile")
    if bound:
        raise AlreadyReferred("this customer has been referred before")
    return chain_above(context, program_id, nearest, customer, own)


def _refuse(failed: ConditionFailed) -> None:
    """What was taken meanwhile."""
    if referrals.LEAD_IS_FREE in failed.items:
        raise LeadTaken("another referral has this lead") from None
    if bindings.IS_UNBOUND in failed.items:
        raise AlreadyReferred("this customer has been referred before") from None
    external_ids.refuse(failed)


# ---------------------------------------------------------------- steps


def accept(context: Context, referral_id: str, version: int | None = None) -> Referral:
    """Accept a referral: it counts.

    Idempotent. `version`: the one that the caller has read, where they say so.
    Raises ReferralNotFound, Stale, ReferralClosed for one that has gone on or was closed.
    """

    def act(old: Referral) -> tuple[Referral, list[Write]] | None:
        if old.status is ReferralStatus.ACCEPTED:
            return None
        if old.status is not ReferralStatus.PENDING or old.is_over(context.now_ms()):
            raise ReferralClosed(f"the referral {_is(old, context.now_ms())}: it cannot be accepted")
        return replace(old, status=ReferralStatus.ACCEPTED), []

    return _change(context, referral_id, act, version)


def reject(context: Context, referral_id: str, reason: str, version: int | None = None) -> Referral:
    """Reject a referral: nobody earns from its customer's payments any more. Idempotent.

    Raises ReferralNotFound, ReferralClosed for one that has converted or expired.
    """
    return _close(context, referral_id, ReferralStatus.REJECTED, reason, version)


def remove(context: Context, referral_id: str) -> Referral:
    """Reject one that should not be there, and let its lead and its external id go to another.

    It stays, with all that happened to it.

    Idempotent. Raises like `reject`.
    """
    return _close(context, referral_id, ReferralStatus.REJECTED, DELETED)


def expire(context: Context, referral_id: str, reason: str, version: int | None = None) -> Referral:
    """Its time is over now, whatever its program says.

    What was paid before earns, also where that is told later.

    Idempotent. Raises ReferralNotFound, ReferralClosed for one that has converted or was rejected.
    """
    return _close(context, referral_id, ReferralStatus.EXPIRED, reason, version)


def _close(
    context: Context, referral_id: str, status: ReferralStatus, reason: str, version: int | None = None
) -> Referral:
    def act(old: Referral) -> tuple[Referral, list[Write]] | None:
        if old.status is status:
            return None
        if not old.is_open:
            raise ReferralClosed(f"the referral is {old.status}: it cannot be {status}")
        return closing(context, old, status, reason)

    return _change(context, referral_id, act, version)


def closing(context: Context, old: Referral, status: ReferralStatus, reason: str) -> tuple[Referral, list[Write]]:
    """Return an open referral closed, and what closes its binding with it.

    Raises ReferralClosed where its customer has paid in time, and the stream has not told yet.
    """
    now_ms = context.now_ms()
    new = replace(old, status=status, closed_at_ms=now_ms, reason=reason)
    if status is ReferralStatus.EXPIRED:
        new = replace(new, until_ms=min(old.until_ms or now_ms, now_ms))
    writes: list[Write] = []
    binding = bindings.find(context.table, old.program_id, old.customer) if old.customer else None
    if binding:
        if binding.converted_at_ms:
            raise ReferralClosed("the referral has converted")
        writes.append(bindings.close(binding, status.value, new.until_ms if status is ReferralStatus.EXPIRED else 0))
    if status is ReferralStatus.REJECTED and old.customer:
        writes += found_out(context, old)
    if old.lead and reason == DELETED:
        writes.append(referrals.free_lead(reads.lead_hash(context, old.lead), old.id))
    if reason == DELETED:
        writes += external_ids.moves(context, Kind.REFERRAL, old.program_id, old.id, old.external_id, "")
        new = replace(new, external_id="")
    return new, writes


def found_out(context: Context, referral: Referral) -> list[Write]:
    """Remember a customer who was found out, with all who may have earned from it.

    No till lets that go without a person who knows.
    """
    items = context.table.get_many([keys.partner(link.partner_id) for link in referral.upline[: referral.depth]])
    return [partners.note_rejected(partners.from_item(item), referral.id) for item in items if item]


def link_lead(
    context: Context, referral_id: str, lead: str, customer: str = "", customer_id: str = "", *, by: str = "",
    by_machine: bool = False, makers: Collection[str] = (),
) -> Referral:  # fmt: skip
    """Say which lead of the CRM it is, and perhaps who pays (keyed hash, and what the owner calls them).

    Idempotent.

    `by`, `makers`: see `create`.

    Raises ReferralNotFound, ReferralClosed, Conflict where it has another lead or customer, LeadTaken, AlreadyReferred,
    OwnCode, CodeClosesCircle, Forbidden.
    """

    def act(old: Referral) -> tuple[Referral, list[Write]] | None:
        if old.lead == lead and customer in ("", old.customer):
            return None
        check_stranger(context, Act.REFER, old.upline, old.depth, by, *makers)
        new, writes = old.made_by(*makers), []
        if old.lead != lead:
            if old.lead:
                raise Conflict("the referral has another lead")
            if old.status in CLOSED:
                raise ReferralClosed(f"the referral is {old.status}: it takes no lead")
            new = replace(new, lead=lead).made_by("" if by_machine else by)
            writes.append(referrals.take_lead(reads.lead_hash(context, lead), old.id))
        return _with_customer(context, old, new, customer, customer_id, writes, by="" if by_machine else by)

    return _change(context, referral_id, act)


def update(
    context: Context, referral_id: str, changes: ReferralUpdate, version: int, *, by: str = "", by_machine: bool = False
) -> Referral:
    """Change its source, campaign, note, tags, what the owner calls it and keeps with it, or who pays.

    Idempotent: what is so already changes nothing.

    `by`: see `create`; asked only where the change says who pays.
    Raises ReferralNotFound, Stale unless `version` is the current one, Conflict, ReferralClosed, AlreadyReferred,
    OwnCode, CodeClosesCircle, ExternalIdTaken, Forbidden.
    """

    def act(old: Referral) -> tuple[Referral, list[Write]] | None:
        new = replace(
            old,
            source=old.source if changes.source is None else changes.source,
            campaign=old.campaign if changes.campaign is None else changes.campaign,
            note=old.note if changes.note is None else changes.note,
            tags=old.tags if changes.tags is None else tuple(sorted(set(changes.tags))),
            external_id=old.external_id if changes.external_id is None else changes.external_id,
            metadata=old.metadata if changes.metadata is None else changes.metadata,
        )
        names = changes.customer == old.customer and changes.customer_id and not old.customer_id
        if names:  # it was referred before ids of customers were kept
            new = replace(new, customer_id=context.customer_id(changes.customer_id))
        if new == old and changes.customer in (None, old.customer):
            return None
        check_version("referral", old.version, version)
        if changes.customer not in (None, old.customer):
            check_stranger(context, Act.REFER, old.upline, old.depth, by)
        customer, customer_id = changes.customer or "", changes.customer_id
        called = external_ids.moves(
            context, Kind.REFERRAL, old.program_id, old.id, old.external_id, new.external_id
        )  # fmt: skip
        return _with_customer(context, old, new, customer, customer_id, called, by="" if by_machine else by)

    return _change(context, referral_id, act)


def _with_customer(
    context: Context, old: Referral, new: Referral, customer: str, customer_id: str, writes: list[Write], *, by: str
) -> tuple[Referral, list[Write]]:
    """The referral with its customer, and the binding that payments read. `by`: the person who says so, "" for none."""
    if customer in ("", old.customer):
        return new, writes
    if old.customer:
        raise Conflict("the referral has another customer")
    now_ms = context.now_ms()
    if old.is_over(now_ms):
        raise ReferralClosed(f"the referral {_is(old, now_ms)}: it takes no customer")
    partner = partners.find(context.table, old.partner_id)
    nearest = Link(partner.id, partner.customer)
    _, top = _chain(context, partner, old.program_id, nearest, customer, old.id)
    program = programs.find(context.table, old.program_id)
    check_new_customer(context, program, customer, by_machine=not by)
    named = replace(new, customer=customer, customer_id=context.customer_id(customer_id))
    writes.append(bindings.bind(named.bound(customer, now_ms, by)))
    writes += top_unchanged(old.program_id, "", top)
    return named.made_by(by), writes


def _is(referral: Referral, now_ms: int) -> str:
    return "has expired" if referral.is_open and referral.is_over(now_ms) else f"is {referral.status}"


@retry_on_conflict
def _change(
    context: Context,
    referral_id: str,
    act: Callable[[Referral], tuple[Referral, list[Write]] | None],
    version: int | None = None,
) -> Referral:
    """The referral as `act` makes it, and the writes that go with it, unless somebody changed it in between."""
    old = referrals.find(context.table, referral_id)
    acted = act(old)
    if acted is None:
        return old
    check_version("referral", old.version, version)
    new, writes = acted
    now_ms = context.now_ms()
    new = replace(new, version=old.version + 1, updated_at_ms=now_ms)
    try:
        context.table.commit(referrals.change(old, new, now_ms), *writes)
    except ConditionFailed as failed:
        if referrals.IS_UNCHANGED not in failed.items:  # else it may have been the same that somebody did
            _refuse(failed)
        raise
    return new
