"""Many partners in one call: each by itself, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refledger.domain.partners import Partner, PartnerStatus
from refledger.operations import bulk
from refledger.operations.bulk import BulkResult
from refledger.operations.context import Context
from refledger.operations.idempotency import Once
from refledger.operations.partners import partner_profile, partners
from refledger.operations.partners.partner_profile import ProfileChanges
from refledger.operations.partners.partners import NewPartner


@dataclass(frozen=True)
class Update:
    """Other names, addresses, labels for a partner, if `version` is their current one."""

    partner_id: str
    changes: ProfileChanges
    version: int


@dataclass(frozen=True)
class StatusChange:
    partner_id: str
    status: PartnerStatus
    reason: str


Step = NewPartner | Update | StatusChange


def change_many(
    context: Context, steps: Sequence[Step], by: str, request: Once, *, by_machine: bool = False
) -> list[BulkResult]:
    """Take many steps, and return what became of each, in their order.

    Each result is {id, status} of the partner, or {id, code, message}.

    Idempotent as a whole and for each by `request`: a partner of the list is never made twice. Raises KeyReused.
    `by_machine`: a service asks.
    """

    def do() -> list[BulkResult]:
        done = bulk.each(
            context,
            list(map(str, range(len(steps)))),
            lambda place: _step(context, steps, place, by, request, by_machine=by_machine),
        )
        return [_told(steps[int(each.id)], each) for each in done]

    return bulk.remembered(context, request, do)


def _step(context: Context, steps: Sequence[Step], place: str, by: str, request: Once, *, by_machine: bool) -> Partner:
    match steps[int(place)]:
        case NewPartner() as new:
            one = Once(context.ids.hash("request", request.key, place), request.body, request.expires_at)
            return partners.create_once(context, new, one, by, by_machine=by_machine)
        case Update(partner_id, changes, version):
            return partner_profile.change(context, partner_id, changes, version)
        case StatusChange(partner_id, status, reason):
            return partners.change_status(context, partner_id, status, reason, by, by_machine=by_machine)


def _told(step: Step, done: bulk.BulkOutcome[Partner]) -> BulkResult:
    if done.result:
        return {"id": done.result.id, "status": done.result.status.value}
    id = None if isinstance(step, NewPartner) else step.partner_id
    code, message = (done.refused.code, done.refused.detail) if done.refused else ("", "")
    return {"id": id, "status": None, "code": code, "message": message}
