"""Staff vouch for payout methods, and export bank transfers to make them."""

from __future__ import annotations

from refledger.domain.errors import (
    BatchNotFound,
    Conflict,
    KeyReused,
    MethodNotFound,
    MethodNotUsable,
    PartnerNotFound,
    PayoutUnavailable,
    SecondPersonNeeded,
)
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import CsvFile, NoBody, NoQuery, Page, PageQuery
from refledger.entry.models.payout_batches import BatchView, NewBatch, WholeBatchView
from refledger.entry.models.payout_methods import StaffMethods, StaffMethodView
from refledger.operations.partners import reads as partners
from refledger.operations.payouts import batch_reads, batches, methods, reads

api = handler = Api()


@api.route("GET /api/v1/partners/{partnerId}/payout-methods", answer=StaffMethods, refuses=(PartnerNotFound,))
def list_methods(request: Request[NoBody, NoQuery]) -> StaffMethods:
    """List a partner's payout methods, also those that are out of use."""
    context = config.context()
    found = reads.methods_of(context, partners.find(context, request.id("partnerId")).id)
    return StaffMethods(data=[StaffMethodView.of(method) for method in found])


@api.route(
    "POST /api/v1/partners/{partnerId}/payout-methods/{methodId}/verify",
    answer=StaffMethodView,
    refuses=(PartnerNotFound, MethodNotFound, MethodNotUsable, PayoutUnavailable),
)
def verify(request: Request[NoBody, NoQuery]) -> StaffMethodView:
    """Vouch for a payout method; of a Stripe account, Stripe is asked too."""
    partner_id, method_id, by = request.id("partnerId"), request.id("methodId"), request.caller.user
    found = methods.verify(config.context(), config.vault, config.payouts, partner_id, method_id, by)
    return StaffMethodView.of(found)


@api.route(
    "POST /api/v1/payout-batches", body=NewBatch, answer=BatchView, status=201,
    refuses=(Conflict, SecondPersonNeeded, KeyReused),
)  # fmt: skip
def create(request: Request[NewBatch, NoQuery]) -> BatchView:
    """Export bank transfers that were in no batch before."""
    by, key, body = request.caller.user, request.key, request.body
    batch = batches.create(config.context(), by, key, request.body_hash, body.limit, body.currency)
    return BatchView.of(batch)


@api.route("GET /api/v1/payout-batches", query=PageQuery, answer=Page[BatchView], refuses=())
def list_all(request: Request[NoBody, PageQuery]) -> Page[BatchView]:
    """List batches, newest first."""
    context, query = config.context(), request.query
    before = request.position("")
    found = batch_reads.newest(context, before, query.limit + 1)
    ids, following = request.page(found)
    page = batch_reads.many(context, ids)
    return Page[BatchView](data=[BatchView.of(batch) for batch in page], next_cursor=following)


@api.route("GET /api/v1/payout-batches/{batchId}", answer=WholeBatchView, refuses=(BatchNotFound,))
def read(request: Request[NoBody, NoQuery]) -> WholeBatchView:
    """Read a batch: its transfers, how far each is, and who was given the file."""
    return WholeBatchView.of_all(*batch_reads.find(config.context(), request.id("batchId")))


@api.route("GET /api/v1/payout-batches/{batchId}/file", answer=CsvFile, refuses=(BatchNotFound,))
def file(request: Request[NoBody, NoQuery]) -> CsvFile:
    """Download a batch as CSV, with the whole accounts; who did is written down."""
    batch_id = request.id("batchId")
    text = batches.file(config.context(), config.vault(), batch_id, request.caller.user, request.fingerprint)
    return CsvFile(name=f"payout-batch-{batch_id}.csv", text=text)
