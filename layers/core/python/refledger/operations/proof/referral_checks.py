"""A referral and its customer's binding say the same: who is above them, by which rules, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from refledger.domain.partners import Partner
from refledger.domain.referrals import CLOSED, Referral
from refledger.domain.uplines import KEPT_LINKS, Binding
from refledger.operations.context import CLOCK_SKEW_MS, Context
from refledger.operations.proof.book_checks import UNREADABLE, Checked, Fault, looks
from refledger.store import bindings, codes, keys, partners, referrals
from refledger.store.placing import Placing
from refledger.store.table import Table


def verify_referrals(context: Context, ids: list[str], checked: Checked) -> Iterator[tuple[str, Fault]]:
    """Yield (id, what is wrong with it) of these, up to a hundred."""
    left, found = ids, list[tuple[str, Fault]]()
    for _ in looks(context):  # what is closed, or converts, just now
        found = list(_look(context, left, checked))
        left = sorted({id for id, _ in found})
        if not left:
            break
    checked.referrals += len(ids)
    yield from found


def _look(context: Context, ids: list[str], checked: Checked) -> Iterator[tuple[str, Fault]]:
    table = Placing(context.table)
    try:
        found = {referral.id: referral for referral in referrals.many(table, ids)}
        related = Related.of(table, list(found.values()))
    except UNREADABLE as error:
        if len(ids) > 1:
            for id in ids:  # which of them it is
                yield from _look(context, [id], checked)
            return
        yield ids[0], Fault("", "", f"referral {ids[0]}: cannot be read: {type(error).__name__}: {error}")
        return
    for id in ids:
        if id not in found:
            yield id, Fault("", "", f"referral {id}: is in a list, and not there")
            continue
        referral = found[id]
        for reason in referral_faults(context, referral, related, checked):
            yield id, Fault(referral.partner_id, "", f"referral {id}: {reason}")
        own = [keys.referral(id)]
        own += [keys.binding(referral.program_id, referral.customer)] if referral.customer else []
        yield from ((id, Fault(referral.partner_id, "", reason)) for reason in table.faults_of(*own))


@dataclass(frozen=True)
class Related:
    """What lies beside referrals: bindings of their customers and of their partners, these, and who has their codes."""

    table: Table
    bound: Mapping[tuple[str, str], Binding]
    owners: Mapping[str, str]
    partners: Mapping[str, Partner]

    @classmethod
    def of(cls, table: Table, found: Iterable[Referral]) -> Related:
        found = list(found)
        made_by = {each.id: each for each in partners.many(table, sorted({each.partner_id for each in found}))}
        named = {(each.program_id, each.customer) for each in found}
        named |= {(each.program_id, made_by[each.partner_id].customer) for each in found if each.partner_id in made_by}
        bound = bindings.many(table, sorted(each for each in named if each[1]))
        owners = codes.owners(table, sorted({each.code for each in found if each.code}))
        return cls(table, {(each.program_id, each.customer): each for each in bound}, owners, made_by)

    def of_customer(self, referral: Referral) -> Binding | None:
        return self.bound.get((referral.program_id, referral.customer))

    def above(self, referral: Referral) -> Binding | None:
        """Return the binding by which its partner is somebody's customer."""
        return self.bound.get((referral.program_id, self.user(referral)))

    def user(self, referral: Referral) -> str:
        """Return who signed in as its partner then; whoever was linked later stands there as nobody."""
        partner = self.partners.get(referral.partner_id)
        if partner and (not partner.linked_at_ms or partner.linked_at_ms + CLOCK_SKEW_MS < referral.created_at_ms):
            return partner.customer
        return ""


def referral_faults(context: Context, referral: Referral, related: Related, checked: Checked) -> Iterator[str]:
    """Check a referral against version, code, its partner's own referral and its binding."""
    program = checked.version(context, referral.program_id, referral.rule_version)
    if program is None:
        yield f"version {referral.rule_version} of program {referral.program_id} is not there"
    elif referral.depth != program.rules.depth:
        yield f"says how many tiers earn otherwise than its program's version: {referral.depth}"
    if referral.code and related.owners.get(referral.code) != referral.partner_id:
        yield f"its code {referral.code} is that of {related.owners.get(referral.code, 'nobody')}"
    if referral.partner_id not in related.partners:
        yield f"its partner {referral.partner_id} is not there"
    if referral.id[: keys.PARTNER_ID_LENGTH] != referral.partner_id:
        yield f"its up-line begins with {referral.partner_id}"
    yield from _upline_faults(referral, related)
    if not referral.customer:
        return
    binding = related.of_customer(referral)
    if binding is None:
        yield "nobody is bound to it as its customer"
    elif binding.referral_id != referral.id:
        yield f"its customer is bound to referral {binding.referral_id}"
    else:
        yield from _binding_faults(referral, binding)


def _upline_faults(referral: Referral, related: Related) -> Iterator[str]:
    """Who earns above its partner are those above whom the partner stands as a customer, if they did then."""
    above, there = related.above(referral), [link.partner_id for link in referral.upline[1:]]
    if not (user := related.user(referral)):
        return
    if referral.upline[0].customer != user:
        yield "its up-line names another user than its partner's"
    if above is None or above.bound_at_ms > referral.created_at_ms + CLOCK_SKEW_MS:
        wanted: list[str] = []
    elif (
        above.bound_at_ms >= referral.created_at_ms - CLOCK_SKEW_MS or above.closed or above.until_ms or above.ended_ms
    ):
        return  # two clocks do not say which came first; nor is it known since when one that is closed is no link
    else:
        wanted = [link.partner_id for link in above.upline[: KEPT_LINKS - 1]]
    if there[: len(wanted)] != wanted or (there and not wanted):
        own = referrals.many(related.table, [above.referral_id]) if above and not there else []
        if not any(each.until_ms for each in own):  # it had expired then, and was paid in time after all
            yield f"its up-line is {there}, which is not what its partner's own referral says: {wanted}"


def _binding_faults(referral: Referral, binding: Binding) -> Iterator[str]:
    says = (referral.upline, referral.depth, referral.rule_version)
    if (binding.upline, binding.depth, binding.rule_version) != says:
        yield "its binding says otherwise who earns, how many tiers, or by which version"
    closed = binding.closed
    if referral.status in CLOSED and closed != referral.status:
        yield f"is {referral.status}, and its binding is {closed or 'open'}"
    elif closed and referral.status not in CLOSED:
        yield f"is {referral.status}, and its binding is {closed}"
    if binding.ended_ms != referral.ended_ms:
        yield f"ends at {referral.ended_ms}, and its binding ends at {binding.ended_ms}"
    if binding.until_ms and binding.until_ms != referral.until_ms:
        yield f"may convert until {referral.until_ms}, by its binding until {binding.until_ms}"
