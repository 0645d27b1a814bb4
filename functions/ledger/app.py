"""The journal and the balances: partners see their own, staff everybody's."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

from refledger.domain.errors import EntryNotFound, PartnerNotFound
from refledger.domain.journal import EntryPlace, JournalEntry
from refledger.domain.journal_files import Posting
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery, Page
from refledger.entry.models.ledger import (
    BalancesQuery,
    BalancesView,
    EntriesQuery,
    EntryInPlaceView,
    EntryView,
    LedgerBalanceView,
    PartnerEntriesQuery,
)
from refledger.entry.tokens import Caller
from refledger.operations import journal_pages
from refledger.operations.journal_pages import EntryPage, JournalPosition
from refledger.operations.partners import reads as partners

api = handler = Api()


@api.route("GET /api/v1/ledger/entries", query=EntriesQuery, answer=Page[EntryView], refuses=())
def entries(request: Request[NoBody, EntriesQuery]) -> Page[EntryView]:
    """List journal entries in the order in which they were written."""
    context, query = config.context(), request.query
    place = JournalPosition(*(request.position(())))
    partner_id = _whose(request, query.partner_id)
    if partner_id:
        page = journal_pages.journal_of(context, partner_id, query.currency, place, query.limit)
    elif request.caller.is_staff:
        page = journal_pages.journal_of_all(context, query.currency, place, query.limit)
    else:
        page = EntryPage([], None)
    following = request.cursor(astuple(page.next) if page.next else None)
    return Page[EntryView](data=_views(request.caller, page.entries), next_cursor=following)


@api.route("GET /api/v1/ledger/entries/{entryId}", answer=EntryInPlaceView, refuses=(EntryNotFound,))
def entry(request: Request[NoBody, NoQuery]) -> EntryInPlaceView:
    """Read one journal entry, what there was after it, and whether its hashes are right."""
    found = journal_pages.entry_at(config.context(), EntryPlace.read(request.id("entryId")))
    (view,) = _views(request.caller, [found.entry])
    return EntryInPlaceView.of(found, view)


@api.route("GET /api/v1/ledger/balances", query=BalancesQuery, answer=BalancesView, refuses=())
def balances(request: Request[NoBody, BalancesQuery]) -> BalancesView:
    """A partner's balances; staff name the partner."""
    partner_id = _whose(request, request.query.partner_id)
    if partner_id is None and request.query.partner_id is None:  # staff who name nobody, and may be partners themselves
        partner_id = partners.id_of_user(config.context(), request.caller.user)
    found = journal_pages.balances_of(config.context(), partner_id) if partner_id else []
    return BalancesView(data=[LedgerBalanceView.of(balance) for balance in found])


def _whose(request: Request[NoBody, EntriesQuery] | Request[NoBody, BalancesQuery], asked: str | None) -> str | None:
    """Staff ask for whom they like. Everybody else gets their own, and an empty list for another's."""
    if request.caller.is_staff:
        return asked
    own = partners.id_of_user(config.context(), request.caller.user)
    return own if asked in (None, own) else None


@api.route(
    "GET /api/v1/partners/{partnerId}/ledger",
    query=PartnerEntriesQuery,
    answer=Page[EntryView],
    refuses=(PartnerNotFound,),
)
def entries_of_partner(request: Request[NoBody, PartnerEntriesQuery]) -> Page[EntryView]:
    """List a partner's journal entries in the order in which they were written, one currency after another."""
    context, query, partner_id = config.context(), request.query, _existing(request)
    place = JournalPosition(*(request.position(())))
    page = journal_pages.journal_of(context, partner_id, query.currency, place, query.limit)
    following = request.cursor(astuple(page.next) if page.next else None)
    return Page[EntryView](data=_views(request.caller, page.entries), next_cursor=following)


@api.route("GET /api/v1/partners/{partnerId}/balance", answer=BalancesView, refuses=(PartnerNotFound,))
def balances_of_partner(request: Request[NoBody, NoQuery]) -> BalancesView:
    """A partner's balances, by currency."""
    found = journal_pages.balances_of(config.context(), _existing(request))
    return BalancesView(data=[LedgerBalanceView.of(balance) for balance in found])


def _views(caller: Caller, shown: list[JournalEntry]) -> list[EntryView]:
    """With what they can be joined by elsewhere, for those who keep the books."""
    if not caller.is_staff:
        return [EntryView.of(Posting(entry)) for entry in shown]
    from refledger.operations.jobs import postings  # partners have no use for it

    found = postings.of_entries(config.context().table, shown, people=not caller.is_machine)
    return [EntryView.of(posting) for posting in found]


def _existing(request: Request[Any, Any]) -> str:
    """Raises PartnerNotFound."""
    return partners.find(config.context(), request.id("partnerId"), strong=False).id
