"""Who calls, by name: what their token calls them, kept when they act, and put beside every id that an answer has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel

from refledger.domain import texts
from refledger.domain.people import NAME_LIMIT, PersonKind
from refledger.entry import config
from refledger.entry.models.common import View
from refledger.entry.observability import logger
from refledger.entry.tokens import Caller
from refledger.operations import labels, people
from refledger.store.table import Table
from refledger.store.transaction import RetryableConflict


def name_in(claims: Mapping[str, str], *, is_machine: bool) -> str:
    """Return what an access token calls somebody, "" where it only has their id.

    Cognito's have no name unless a trigger puts one in; others' have what their issuer is told to put there. Of a
    service it is the client's id.
    """
    if is_machine:
        return next((found for claim in ("client_id", "azp", "cid", "appid") if (found := claims.get(claim))), "")
    whole = " ".join(filter(None, (claims.get("given_name"), claims.get("family_name"))))
    told = [claims.get("name"), whole, claims.get("preferred_username"), claims.get("email"), claims.get("username")]
    return next((name for each in told if each and each != claims.get("sub") and (name := _as_name(each))), "")


def _as_name(text: str) -> str:
    """ "" for what no name has: people may write into some of these claims themselves."""
    try:
        return texts.name(text[:NAME_LIMIT])
    except ValueError:
        return ""


def told(answer: BaseModel, caller: Caller, *, acted: bool) -> None:
    """Put the names beside the ids of an answer, for staff.

    And keep the caller's, where they act for the owner. What they did is done by now: no name that cannot be read or
    written makes it look as if it were not.
    """
    table = config.context().table
    try:
        if caller.name and acted:
            kind = PersonKind.SERVICE if caller.is_machine else PersonKind.PERSON
            people.remember(config.context(), caller.user, caller.name, kind)
        if caller.is_staff and not caller.is_machine:
            name_all(table, answer)
    except (RetryableConflict, ClientError, BotoCoreError) as error:
        if not acted:
            raise
        logger().warning("names are missing", extra={"person": caller.user, "error": type(error).__name__})


def name_all(table: Table, answer: BaseModel) -> None:
    """Put the names beside the ids, all read at once.

    That of `by` into `by_name`, that of `id` into `name`. Partners who asked or cancelled themselves are named by their
    own record, where the answer is of them.
    """
    places = [(view, each, getattr(view, each) or "") for view in _views(answer) for each in view.people]
    of_partners = [view for view in _views(answer) if view.of_partner]
    if not places and not of_partners:
        return
    named = labels.of_people(table, (id for _, _, id in places), (_partner_of(view) for view in of_partners))
    themselves = {each.customer: each.name for each in named.partners.values() if each.customer and each.name}
    for view, field, id in places:
        name = named.people.get(id) or themselves.get(id)  # a partner who acts is no member of the staff
        setattr(view, "name" if field == "id" else f"{field}_name", name)
    for view in of_partners:
        id = _partner_of(view)
        setattr(view, "partner_name", named.name(id))  # noqa: B010  not every view has them
        setattr(view, "partner_company", named.company(id))  # noqa: B010


def _partner_of(view: View) -> str:
    return str(getattr(view, "partner_id"))  # noqa: B009  not every view has one


def _views(value: Any) -> Iterator[View]:
    if isinstance(value, View):
        yield value
        for each in value.__dict__.values():
            yield from _views(each)
    elif isinstance(value, list):
        for each in value:
            yield from _views(each)
