"""Invitations and applications over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field

from refledger.domain.invitations import (
    DEFAULT_DAYS,
    MAX_DAYS,
    Application,
    ApplicationStatus,
    ContactDetails,
    Invitation,
    InvitationStatus,
)
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import DEFAULT_PROGRAM
from refledger.domain.times import iso
from refledger.entry.models.common import Body, Capitals, Name, Note, OptionalName, PageQuery, Phone, Tags, View
from refledger.entry.models.ids import ProgramId
from refledger.entry.models.partners import Email, TierLabel
from refledger.operations.partners.invitations import Invited


class NewInvitation(Body):
    """What is known of who is invited is on the partner whom they become, unless they tell it otherwise.

    Nothing is sent to the address: whoever invites sends the token.
    """

    email: Annotated[Email, Field(examples=["ada@example.com"])]
    first_name: OptionalName = ""
    last_name: OptionalName = ""
    phone: Phone = ""
    company_name: OptionalName = ""
    program_id: ProgramId = DEFAULT_PROGRAM
    tier: TierLabel | None = None
    tags: Tags = Field(default=[])
    valid_days: Annotated[int, Field(ge=1, le=MAX_DAYS)] = DEFAULT_DAYS

    def to_invited(self) -> Invited:
        person = ContactDetails(self.first_name, self.last_name, self.email, self.phone, self.company_name)
        return Invited(person, self.program_id, self.valid_days, self.tier or "", tuple(self.tags))


class InvitationQuery(PageQuery):
    """With a status, those that are open longest come first, else the newest."""

    status: Annotated[InvitationStatus, Capitals] | None = None


class InvitationView(View):
    """`partnerId`: who accepted it became this partner."""

    id: str
    status: InvitationStatus
    program_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    company_name: str
    tier: str
    tags: list[str]
    created_at: str
    expires_at: str
    partner_id: str | None

    @classmethod
    def of(cls, invitation: Invitation, now_ms: int) -> Self:
        return cls(**_told(invitation, now_ms))


class NewInvitationView(InvitationView):
    """`token`: to be sent to who is invited. It is told here alone; who has it can accept the invitation."""

    token: str

    @classmethod
    def made(cls, invitation: Invitation, token: str, now_ms: int) -> Self:
        return cls(**_told(invitation, now_ms), token=token)


def _told(invitation: Invitation, now_ms: int) -> dict[str, Any]:
    return {
        "id": invitation.id, "status": invitation.status_at(now_ms).value, "program_id": invitation.program_id,
        **_person(invitation.person), "tier": invitation.tier, "tags": list(invitation.tags),
        "created_at": iso(invitation.created_at_ms), "expires_at": iso(invitation.until_ms),
        "partner_id": invitation.partner_id or None,
    }  # fmt: skip


class AcceptBody(Body):
    """What they tell of themselves goes before what the invitation says."""

    first_name: OptionalName = ""
    last_name: OptionalName = ""
    email: Annotated[Email, Field(examples=["ada@example.com"])] | None = None
    phone: Phone = ""
    company_name: OptionalName = ""

    def to_person(self) -> ContactDetails:
        return ContactDetails(self.first_name, self.last_name, self.email or "", self.phone, self.company_name)


class AcceptedView(View):
    """Who they are from now on, and their code."""

    partner_id: str
    code: str
    status: PartnerStatus

    @classmethod
    def of(cls, partner: Partner) -> Self:
        return cls(partner_id=partner.id, code=partner.code, status=partner.status)


class NewApplication(Body):
    first_name: Name
    last_name: Name
    email: Annotated[Email, Field(examples=["ada@example.com"])]
    phone: Phone = ""
    company_name: OptionalName = ""
    program_id: ProgramId = DEFAULT_PROGRAM
    message: Note = ""

    def to_person(self) -> ContactDetails:
        return ContactDetails(self.first_name, self.last_name, self.email, self.phone, self.company_name)


class ApplicationQuery(PageQuery):
    status: Annotated[ApplicationStatus, Capitals] | None = None


class ApplicationDecisionBody(Body):
    reason: Note = ""


class RejectionBody(Body):
    reason: Annotated[Note, Field(min_length=1)]


class ApplicationView(View):
    """`partnerId`: who applied is this partner, once it is APPROVED."""

    id: str
    status: ApplicationStatus
    program_id: str
    first_name: str
    last_name: str
    email: str
    phone: str
    company_name: str
    message: str
    created_at: str
    decided_at: str | None
    reason: str
    partner_id: str | None

    @classmethod
    def of(cls, application: Application) -> Self:
        return cls(
            id=application.id,
            status=application.status,
            program_id=application.program_id,
            **_person(application.person),
            message=application.message,
            created_at=iso(application.created_at_ms),
            decided_at=iso(application.decided_at_ms) if application.decided_at_ms else None,
            reason=application.reason,
            partner_id=application.partner_id or None,
        )


class OwnApplications(View):
    """One at most: who has an application that waits cannot ask for another."""

    data: list[ApplicationView]


def _person(person: ContactDetails) -> dict[str, str]:
    return {
        "first_name": person.first_name, "last_name": person.last_name, "email": person.email, "phone": person.phone,
        "company_name": person.company_name,
    }  # fmt: skip
