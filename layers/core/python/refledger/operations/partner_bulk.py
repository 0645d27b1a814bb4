"""Many partners in one call, and one line of an import: each by itself, each once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from refledger.domain.errors import Busy, EmailTaken, Refledger
from refledger.domain.partners import Partner, PartnerStatus
from refledger.operations import bulk, partner_profile, partners
from refledger.operations.context import Context
from refledger.operations.once import Once
from refledger.operations.partner_profile import Changes
from refledger.operations.partners import NewPartner
from refledger.store import keys, programs
from refledger.store.transaction import Item

CREATED, WOULD_CREATE, DUPLICATE, INVALID = "CREATED", "WOULD_CREATE", "DUPLICATE", "INVALID"


@dataclass(frozen=True)
class Update:
    """Other names, addresses, labels for a partner, if `version` is their current one."""

    partner_id: str
    changes: Changes
    version: int


@dataclass(frozen=True)
class StatusChange:
    partner_id: str
    status: PartnerStatus
    reason: str


Step = NewPartner | Update | StatusChange


def change_many(context: Context, steps: Sequence[Step], by: str, request: Once) -> list[Item]:
    """What became of each step, in their order: {id, status} of the partner, or {id, code, message}.

    Idempotent as a whole and for each by `request`: a partner of the list is never made twice. Raises KeyReused.
    """

    def do() -> list[Item]:
        done = bulk.each(
            context, list(map(str, range(len(steps)))), lambda place: _step(context, steps, place, by, request)
        )
        return [_told(steps[int(each.id)], each) for each in done]

    return bulk.remembered(context, request, do)


def _step(context: Context, steps: Sequence[Step], place: str, by: str, request: Once) -> Partner:
    match steps[int(place)]:
        case NewPartner() as new:
            one = Once(context.ids.hash("request", request.key, place), request.body, request.expires_at)
            return partners.create_once(context, new, one)
        case Update(partner_id, changes, version):
            return partner_profile.change(context, partner_id, changes, version)
        case StatusChange(partner_id, status, reason):
            return partners.change_status(context, partner_id, status, reason, by)


def _told(step: Step, done: bulk.Done[Partner]) -> Item:
    if done.result:
        return {"id": done.result.id, "status": done.result.status.value}
    id = None if isinstance(step, NewPartner) else step.partner_id
    code, message = (done.refused.code, done.refused.detail) if done.refused else ("", "")
    return {"id": id, "status": None, "code": code, "message": message}


@dataclass(frozen=True)
class Row:
    """What became of a line: CREATED, WOULD_CREATE (nothing was written), DUPLICATE (there is a partner with this
    address: `partner_id`) or INVALID, with a code and a message for people.
    """

    status: str
    partner_id: str = ""
    code: str = ""
    message: str = ""


def create_from_row(context: Context, new: NewPartner, job: str, line: int, *, dry_run: bool) -> Row:
    """One line of the import `job`, whose fields are checked already. Idempotent by job and line, the
    repeat says CREATED.

    Raises only what passes by itself (Busy); what is wrong with the line is its answer.
    """
    try:
        if dry_run:
            return _look(context, new)
        body = context.ids.hash("body", new)
        made = partners.create_once(context, new, Once(context.ids.hash("row", job, line), body))
    except EmailTaken as taken:
        return Row(DUPLICATE, _of_email(context, new.email), taken.code, taken.detail)
    except Refledger as refused:
        if isinstance(refused, Busy):
            raise
        return Row(INVALID, "", refused.code, refused.detail)
    return Row(CREATED, made.id)


def _look(context: Context, new: NewPartner) -> Row:
    """What would become of it as things are. Raises ProgramNotFound, EmailTaken."""
    programs.find(context.table, new.program_id)
    if _of_email(context, new.email):
        raise EmailTaken("there is a partner with this e-mail address already")
    return Row(WOULD_CREATE)


def _of_email(context: Context, email: str) -> str:
    """The id of the partner with the address, "" for none."""
    guard = context.table.get(keys.email(partners.address(context, email)))
    return guard["partner"] if guard else ""
