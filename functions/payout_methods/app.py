"""A partner says where to be paid, sees it masked, and takes it out of use."""

from __future__ import annotations

from refledger.domain.errors import MethodNotFound, PartnerNotFound, PartnerSuspended, TooManyMethods
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery
from refledger.entry.models.payout_method_views import Methods, OwnMethodView
from refledger.entry.models.payout_methods import PayoutMethodBody
from refledger.operations.payouts import methods, reads

api = handler = Api()


@api.route(
    "POST /api/v1/payout-methods",
    body=PayoutMethodBody,
    answer=OwnMethodView,
    status=201,
    refuses=(PartnerNotFound, PartnerSuspended, TooManyMethods),
)
def add(request: Request[PayoutMethodBody, NoQuery]) -> OwnMethodView:
    """Add an account to be paid to; the same account is the same method."""
    context = config.context()
    partner_id = methods.partner_of(context, request.caller.user)
    return OwnMethodView.of_method(methods.add(context, config.vault, partner_id, request.body.to_account()))


@api.route("GET /api/v1/payout-methods", answer=Methods, refuses=(PartnerNotFound,))
def list_own(request: Request[NoBody, NoQuery]) -> Methods:
    """List the caller's payout methods that are in use."""
    context = config.context()
    found = reads.methods_of(context, methods.partner_of(context, request.caller.user))
    return Methods(data=[OwnMethodView.of_method(method) for method in found if method.is_active])


@api.route("DELETE /api/v1/payout-methods/{methodId}", answer=OwnMethodView, refuses=(PartnerNotFound, MethodNotFound))
def disable(request: Request[NoBody, NoQuery]) -> OwnMethodView:
    """Take a payout method out of use; withdrawals that were asked for go on."""
    context = config.context()
    partner_id = methods.partner_of(context, request.caller.user)
    return OwnMethodView.of_method(methods.disable(context, partner_id, request.id("methodId")))
