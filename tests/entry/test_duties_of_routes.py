"""Every act of the table has its routes: roles open them, and a service's scope only where the row is for machines."""

from __future__ import annotations

import pytest

from refledger.domain.duties import DUTIES, Act, Relation
from refledger.entry import access
from refledger.entry.access import Role
from scripts.duties_page import PARTNER, REFERRAL, REFERRALS, ROUTES_OF

# All that a service may change; lifting a suspension, who signs in, and amounts above the limits are refused behind it.
BY_SERVICES = {
    "POST /api/v1/events/lead", "POST /api/v1/events/sale", "POST /api/v1/portal-sessions",  # and nobody else
    "POST /api/v1/partners", "POST /api/v1/partners/bulk", "POST /api/v1/partners/validate-referral-code",
    "POST /api/v1/programs/preview",
    *(f"POST {PARTNER}/{how}" for how in ("activate", "deactivate", "suspend", "terminate", "codes", "codes/rotate")),
    *(f"POST {PARTNER}/codes/{{code}}/{how}" for how in ("disable", "enable")),
    f"PATCH {PARTNER}", f"PUT {PARTNER}", f"DELETE {PARTNER}", f"PUT {PARTNER}/tags",
    "DELETE /api/v1/invitations/{invitationId}", "POST /api/v1/imports/partners",
    *(f"POST {REFERRALS}{how}" for how in ("", "/bulk", "/check-expired", "/process-conversion")),
    *(f"POST {REFERRAL}/{how}" for how in ("accept", "reject", "expire", "link-to-lead", "process-conversion")),
    f"PATCH {REFERRAL}", f"PUT {REFERRAL}", f"DELETE {REFERRAL}",
}  # fmt: skip


@pytest.mark.parametrize("act", ROUTES_OF)
@pytest.mark.parametrize("role", Role)
def test_roles_open_the_routes_of_an_act(act: Act, role: Role) -> None:
    """Staff who decide about money do, support never; nobody does it for what is their own."""
    for path in ROUTES_OF[act]:
        told = access.ROUTES[f"POST {path}"]
        assert told
        assert not told.own
        assert (role in told.roles) <= (role is not Role.SUPPORT)
        assert Role.ADMIN in told.roles


@pytest.mark.parametrize("act", ROUTES_OF)
def test_a_scope_opens_only_what_is_for_machines(act: Act) -> None:
    """No token without a person decides about money or rights: the row says which acts are none of that."""
    scopes = {access.ROUTES[f"POST {path}"].scope for path in ROUTES_OF[act]}  # type: ignore[union-attr]
    assert (scopes != {None}) == DUTIES[act].by_machine


def test_what_services_may_change_is_this_and_nothing_more() -> None:
    """A new route with a scope is looked at here, by who adds it."""
    changing = {
        route for route, told in access.ROUTES.items() if told and told.scope and not route.startswith("GET ")
    }  # fmt: skip
    assert changing == BY_SERVICES


def test_everybody_is_kept_from_their_own_but_of_terms_and_keys() -> None:
    """Whose money it is never decides; of a program's terms who earns in it confirms none. A key is nobody's money."""
    of_nobody = {Act.TIGHTEN_TERMS, Act.LOOSEN_TERMS, Act.CONFIRM_TERMS, Act.MAKE_KEY, Act.CONFIRM_KEY, Act.ROTATE_KEY}
    assert {act for act, duty in DUTIES.items() if Relation.BENEFICIARY not in duty.never} == of_nobody
