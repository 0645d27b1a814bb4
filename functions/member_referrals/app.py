"""A member's own code, the code they apply, and their figures."""

from __future__ import annotations

from refledger.domain.errors import (
    AlreadyReferred,
    CodeClosesCircle,
    CodeNotActive,
    CodeNotFound,
    CustomerPaidBefore,
    NotCounted,
    OwnCode,
    ProgramClosed,
    ProgramNotFound,
    ReferralClosed,
    UserTaken,
)
from refledger.entry import config
from refledger.entry.http import Api, Request
from refledger.entry.models.common import NoBody, NoQuery
from refledger.entry.models.member_referrals import AppliedView, CodeView, StatisticsView
from refledger.operations.figures import rollups
from refledger.operations.partners import partners
from refledger.operations.referring import code_application

api = handler = Api()


@api.route("GET /api/v1/referrals/code", answer=CodeView, refuses=(ProgramNotFound, UserTaken))
def code(request: Request[NoBody, NoQuery]) -> CodeView:
    """The caller's own code: made on the first call, the same ever after."""
    return CodeView.of(partners.of_member(config.context(), request.caller.user))


@api.route(
    "POST /api/v1/referrals/apply/{code}",
    answer=AppliedView,
    status=201,
    refuses=(
        CodeNotFound,
        ProgramNotFound,
        OwnCode,
        AlreadyReferred,
        CodeNotActive,
        CodeClosesCircle,
        ProgramClosed,
        CustomerPaidBefore,
        ReferralClosed,
    ),
)
def apply(request: Request[NoBody, NoQuery]) -> AppliedView:
    """Bind the caller to the partner whose code this is."""
    typed = request.path.get("code", "")
    return AppliedView.of(
        code_application.apply(config.context(), config.limits(), request.caller.user, typed, request.caller.sub)
    )


@api.route("GET /api/v1/referrals/stats", answer=StatisticsView, refuses=(NotCounted,))
def stats(request: Request[NoBody, NoQuery]) -> StatisticsView:
    """The caller's tiers, earnings and balances."""
    return StatisticsView.of(rollups.of_user(config.context(), request.caller.user))
