"""Applications as items, and the guard that lets one of a user wait at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from refledger.domain.errors import ApplicationNotFound
from refledger.domain.invitations import Application, ApplicationStatus
from refledger.store import keys
from refledger.store.invitations import person_from, person_to
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, delete, put, update

IS_NEW = "the application is new"
NONE_WAITS = "no other application of the user waits"
IS_WAITING = "nobody decided about the application yet"


def create(application: Application) -> list[Write]:
    return [
        put(IS_NEW, _to_item(application)),
        put(NONE_WAITS, {**keys.applicant(application.user), "application": application.id}),
    ]


def decide(new: Application) -> list[Write]:
    """Write a decision, once; after it the user may apply again."""
    waits = keys.waiting(keys.applications_of(new.status), new.created_at_ms, new.id)
    return [
        update(
            IS_WAITING, keys.application(new.id),
            "SET #status = :status, #decided = :decided, #decider = :by, #reason = :reason, #partner = :partner,"
            " #waits_in = :waits_in",
            "#status = :waiting", status=new.status.value, decided=new.decided_at_ms, by=new.decided_by,
            reason=new.reason, partner=new.partner_id, waits_in=waits["waits_in"],
            waiting=ApplicationStatus.WAITING.value,
        ),
        delete("it is the one that waits", keys.applicant(new.user), "#application = :id", id=new.id),
    ]  # fmt: skip


def find(table: Table, application_id: str, *, strong: bool = True) -> Application:
    """Find it by its id.

    Raises ApplicationNotFound.
    """
    item = table.get(keys.application(application_id), strong=strong)
    if item is None:
        raise ApplicationNotFound("there is no such application")
    return from_item(item)


def waiting_of(table: Table, user: str) -> str | None:
    """Return the id of the application of a user that waits."""
    guard = table.get(keys.applicant(user))
    return guard["application"] if guard else None


def many(table: Table, ids: Sequence[str]) -> list[Application]:
    """Return those that exist, in the order of the ids."""
    found = table.get_many([keys.application(id) for id in ids], strong=False)
    return [from_item(item) for item in found if item]


def newest(table: Table, status: ApplicationStatus | None, before: str, page_size: int) -> Iterator[tuple[str, str]]:
    """Yield (position, id) of all or those of one status, newest first, from below the position `before`."""
    partition, index = (
        (keys.applications_of(status), keys.WAITING) if status else (keys.all_applications(), keys.LISTED)
    )
    found = table.query(partition, high=before or keys.HIGHEST, index=index, page_size=page_size, newest_first=True)
    for item in found:
        position = item["waits_at" if status else "listed_at"]
        if position != before:
            yield position, keys.owner_of(item)


def _to_item(application: Application) -> Item:
    at_ms = application.created_at_ms
    return {
        **keys.application(application.id), "program": application.program_id, **person_to(application.person),
        "user": application.user, "message": application.message, "created": at_ms, "body": application.body,
        "status": application.status.value, "decider": application.decided_by, "decided": application.decided_at_ms,
        "reason": application.reason, "partner": application.partner_id,
        **keys.listed(keys.all_applications(), at_ms, application.id),
        **keys.waiting(keys.applications_of(application.status), at_ms, application.id),
    }  # fmt: skip


def from_item(item: Item) -> Application:
    return Application(
        id=keys.owner_of(item),
        program_id=item["program"],
        person=person_from(item),
        user=item["user"],
        message=item["message"],
        created_at_ms=item["created"],
        body=item["body"],
        status=ApplicationStatus(item["status"]),
        decided_by=item["decider"],
        decided_at_ms=item["decided"],
        reason=item["reason"],
        partner_id=item["partner"],
    )
