"""Many referrals in one call: each by itself, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.referrals import Referral
from refledger.operations import bulk
from refledger.operations.bulk import BulkResult
from refledger.operations.context import Context
from refledger.operations.idempotency import Once
from refledger.operations.referring import lifecycle
from refledger.operations.referring.lifecycle import NewReferral


class Verb(StrEnum):
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    EXPIRE = "EXPIRE"
    DELETE = "DELETE"


@dataclass(frozen=True)
class Move:
    """`reason`: of a rejection or an expiry."""

    verb: Verb
    referral_id: str
    reason: str = ""


Step = NewReferral | Move


def change_many(
    context: Context, steps: Sequence[Step], request: Once, *, by: str = "", by_machine: bool = False
) -> list[BulkResult]:
    """Take many steps, and return what became of each, in their order.

    Each result is {id, status} of the referral, or {id, code, detail}.

    `by`: keyed hash of the person who asks, "" for a CRM; they enter none from which they would earn.
    `by_machine`: a service asks.
    Idempotent as a whole and for each by `request`: a referral of the list is never made twice. Raises KeyReused.
    """

    def do() -> list[BulkResult]:
        places = list(map(str, range(len(steps))))
        done = bulk.each(context, places, lambda at: _step(context, steps[int(at)], at, request, by, by_machine))
        return [_told(steps[int(each.id)], each) for each in done]

    return bulk.remembered(context, request, do)


def _step(context: Context, step: Step, place: str, request: Once, by: str, by_machine: bool) -> Referral:
    if isinstance(step, NewReferral):
        one = Once(context.ids.hash("request", request.key, place), request.body, request.expires_at)
        return lifecycle.create_once(context, step, one, by=by, by_machine=by_machine)
    match step.verb:
        case Verb.ACCEPT:
            return lifecycle.accept(context, step.referral_id)
        case Verb.REJECT:
            return lifecycle.reject(context, step.referral_id, step.reason)
        case Verb.EXPIRE:
            return lifecycle.expire(context, step.referral_id, step.reason)
        case Verb.DELETE:
            return lifecycle.remove(context, step.referral_id)


def _told(step: Step, done: bulk.BulkOutcome[Referral]) -> BulkResult:
    if done.result:
        return {"id": done.result.id, "status": done.result.status.value}
    id = None if isinstance(step, NewReferral) else step.referral_id
    code, detail = (done.refused.code, done.refused.detail) if done.refused else ("", "")
    return {"id": id, "status": None, "code": code, "detail": detail}
