"""Partners: onboarded by an admin, or made when a member first asks for a code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from refledger.domain.duties import Act, DutyFacts, require
from refledger.domain.errors import Conflict, EmailTaken, UserTaken, check_version
from refledger.domain.loosening import raises_own
from refledger.domain.owner_data import Metadata
from refledger.domain.partners import TRANSITIONS, Partner, PartnerStatus, next_idle
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.domain.rules import Own
from refledger.domain.uplines import Link
from refledger.operations import duties, external_ids, likeness
from refledger.operations.context import Context, retry_on_conflict
from refledger.operations.external_ids import Kind
from refledger.operations.idempotency import Once
from refledger.operations.upline_resolution import chain_above
from refledger.store import bindings, partners, programs
from refledger.store.transaction import ConditionFailed, Write

CODE_ATTEMPTS = 5  # 50 bits: one is enough for any deployment

Earlier = Callable[[ConditionFailed], str | None]


@dataclass(frozen=True)
class NewPartner:
    """What an admin says of a partner. `user`: keyed hash of the `sub` they will sign in with, "" for none."""

    first_name: str
    last_name: str
    email: str
    phone: str = ""
    company_name: str = ""
    program_id: str = DEFAULT_PROGRAM
    user: str = ""
    tier: str = ""
    tags: tuple[str, ...] = ()
    external_id: str = ""
    metadata: Metadata = ()


def create(
    context: Context, new: NewPartner, caller: str, key: str | None, body: str, *, by_machine: bool = False
) -> Partner:
    """Make a partner. Idempotent by the Idempotency-Key.

    `by_machine`: a service asks, who does not say who signs in as whom.

    Raises ProgramNotFound, EmailTaken, UserTaken, ExternalIdTaken, KeyReused, Forbidden.
    """
    request = Once.of(context, caller, "partners", key, body)
    return create_once(context, new, request, caller, by_machine=by_machine)


def create_once(context: Context, new: NewPartner, request: Once, by: str, *, by_machine: bool = False) -> Partner:
    """Make a partner. Idempotent by `request`.

    Who names a user (`by`) is kept from paying them out, as with `link_user`.

    Raises like `create`.
    """
    if new.user:
        check_person(Act.LINK_USER, by_machine=by_machine)
    programs.find(context.table, new.program_id)
    partner = partner_of(context, new)
    marks = duties.first_mark(context, Act.LINK_USER, by, partner.id) if new.user else []

    def earlier(failed: ConditionFailed) -> str | None:
        made = request.earlier(failed)
        return made.partner if made else None

    called = external_ids.moves(context, Kind.PARTNER, partner.program_id, partner.id, "", partner.external_id)
    return store(context, partner, [request.guard(partner=partner.id), *marks, *called], earlier)


def partner_of(context: Context, new: NewPartner) -> Partner:
    """Return the partner as they begin; `store` gives them their code."""
    return Partner(
        id=context.ids.partner(new.user) if new.user else context.ids.new(),
        program_id=new.program_id,
        code="",
        status=PartnerStatus.ACTIVE,
        customer=new.user,
        created_at_ms=context.now_ms(),
        first_name=new.first_name,
        last_name=new.last_name,
        email=new.email,
        phone=new.phone,
        company_name=new.company_name,
        tier=new.tier,
        tags=new.tags,
        external_id=new.external_id,
        metadata=new.metadata,
    )


def of_member(context: Context, user: str) -> Partner:
    """Return the partner who this user is.

    They are made on the first call, and the same ever after, whoever else asks at once.

    Raises ProgramNotFound while there is no default program.
    """
    found = partners.of_user(context.table, user)
    if found:
        return found
    program = programs.find(context.table, DEFAULT_PROGRAM)
    partner = Partner(
        id=context.ids.partner(user),
        program_id=program.id,
        code="",
        status=PartnerStatus.ACTIVE,
        customer=user,
        created_at_ms=context.now_ms(),
    )
    try:
        return store(context, partner, [], lambda _: None)
    except UserTaken:  # another call was faster: theirs is the partner
        return partners.find(context.table, partners.id_of_user(context.table, user) or partner.id)


def address(context: Context, email: str) -> str:
    """Return what stands for an e-mail address in a key, "" for none."""
    return context.ids.hash("email", email.casefold()) if email else ""


def store(context: Context, partner: Partner, also: Sequence[Write], earlier: Earlier) -> Partner:
    """Write the partner with a code of their own and `also` what they come from, in one transaction.

    `earlier`: of what was refused, the id of the partner whom that made before; or it raises.
    Raises UserTaken, EmailTaken, ExternalIdTaken.
    """
    return _store(context, partner, address(context, partner.email), also, earlier, [])


@retry_on_conflict
def _store(
    context: Context, partner: Partner, email: str, also: Sequence[Write], earlier: Earlier, refused: list[str]
) -> Partner:
    """`refused`: the codes of earlier tries, which are kept there."""
    coded = replace(partner, code=context.ids.code(partner.id, min(len(refused), CODE_ATTEMPTS)))
    try:
        context.table.commit(*partners.create(coded, email), *likeness.begins(context, coded), *also)
    except ConditionFailed as failed:
        if made := earlier(failed):
            return partners.find(context.table, made)
        if partners.IS_NEW in failed.items or partners.USER_IS_FREE in failed.items:
            raise UserTaken("this user is a partner already") from None
        if partners.EMAIL_IS_FREE in failed.items:
            raise EmailTaken("there is a partner with this e-mail address already") from None
        external_ids.refuse(failed)
        refused.append(coded.code)
        raise
    return coded


@retry_on_conflict
def link_user(context: Context, partner_id: str, user: str, by: str) -> Partner:
    """Say who signs in as a partner who was onboarded without a user.

    Idempotent: the same user again changes nothing.

    Nobody makes themselves a partner who has earned: raises Forbidden. Also raises PartnerNotFound, UserTaken where the
    user is a partner already, Conflict where the partner has another user, CodeClosesCircle where the user was
    referred, directly or not, by this very partner.
    """

    duties.check_stranger(Act.LINK_USER, by, user)

    old = partners.find(context.table, partner_id)
    if old.customer == user:
        return old
    if old.customer:
        raise Conflict("another user signs in as this partner")
    old.check_known()
    _, top = chain_above(context, old.program_id, Link("", user), None, old.id)
    top_unchanged = (
        bindings.top_still_unbound(old.program_id, top.customer)
        if top.customer
        else partners.still_without_user(top.partner_id)
    )
    now_ms = context.now_ms()
    try:
        marks = duties.marks(context, Act.LINK_USER, by, partner_id)
        context.table.commit(*partners.link_user(old, user, now_ms), top_unchanged, *marks)
    except ConditionFailed as failed:
        if partners.USER_IS_FREE in failed.items and partners.IS_UNCHANGED not in failed.items:
            raise UserTaken("this user is a partner already") from None
        raise
    return replace(old, customer=user, linked_at_ms=now_ms, version=old.version + 1, updated_at_ms=now_ms)


@retry_on_conflict
def set_rates(context: Context, partner_id: str, own: Own, version: int, reason: str, by: str) -> Partner:
    """Set what customers bring the partner from now on, in tier 1, instead of the pay of the program.

    Customers of before stay as they are.

    Who gives more than the program lets none of the partner's money out any more: its customers bring it for ever.
    Idempotent: pays that the partner has already change nothing, whatever `version` says.
    Raises PartnerNotFound, Stale unless `version` is the partner's current one, Invalid where the program's tiers above
    leave less, or it does not take a currency, Forbidden for the partner's own user and for who earns above them.
    """
    old = partners.find(context.table, partner_id)
    above = bindings.find(context.table, old.program_id, old.customer) if old.customer else None
    duties.check_stranger(Act.SET_RATES, by, old.customer, *(link.customer for link in (above.upline if above else ())))
    if old.own_rates == own:
        return old
    check_version("partner", old.version, version)
    program = programs.find(context.table, old.program_id)
    program.check_own(own)
    now_ms = context.now_ms()
    new = replace(old, own_rates=own, version=version + 1, updated_at_ms=now_ms)
    is_rise = raises_own(program.rules, own)
    marks = duties.marks(context, Act.RAISE_RATES, by, partner_id) if is_rise else []
    context.table.commit(partners.set_rates(old, new, reason, by, now_ms), *marks)
    return new


def check_person(act: Act, *, by_machine: bool) -> None:
    """Refuse a service where only people decide.

    Raises Forbidden.
    """
    require(act, DutyFacts("", 0, by_machine=by_machine))


@retry_on_conflict
def change_status(
    context: Context,
    partner_id: str,
    status: PartnerStatus,
    reason: str,
    by: str,
    *,
    by_machine: bool = False,
    version: int | None = None,
) -> Partner:
    """Change the status of a partner.

    Idempotent: a partner who has the status already stays as they are.

    While a partner is not ACTIVE nothing is earned; rewards from before mature as ever. `by_machine`: a service asks,
    who lifts no suspension, to whatever other status: those who are not suspended are paid.
    Raises PartnerNotFound, Conflict where the status cannot follow, Forbidden for the partner's own user or a service.
    """
    old = partners.find(context.table, partner_id)
    act = Act.LIFT_SUSPENSION if old.status is PartnerStatus.SUSPENDED else Act.CHANGE_STATUS
    duties.check_stranger(act, by, old.customer)
    if old.status is status:
        return old
    check_version("partner", old.version, version)
    check_person(act, by_machine=by_machine)
    if status not in TRANSITIONS[old.status]:
        raise Conflict(f"a partner who is {old.status} cannot become {status}")
    now_ms = context.now_ms()
    idle = next_idle(old, status, now_ms)
    new = replace(old, status=status, idle=idle, version=old.version + 1, updated_at_ms=now_ms)
    marks = duties.marks(context, act, by, partner_id) if act is Act.LIFT_SUSPENSION else []
    context.table.commit(partners.change_status(old, new, reason, by, now_ms), *marks)
    return new
