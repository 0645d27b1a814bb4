"""Ways in for partners: staff invite somebody, or somebody applies and staff decide."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from refledger.domain.duties import Act, check_stranger
from refledger.domain.errors import AlreadyDecided, Conflict

MAX_DAYS = 90  # how long an invitation may be open
DEFAULT_DAYS = 14


@dataclass(frozen=True)
class ContactDetails:
    """What is known of somebody who may become a partner; "" where it is not."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    company_name: str = ""


class InvitationStatus(StrEnum):
    """Whether an invitation can still be accepted."""

    PENDING = "PENDING"  # waits to be accepted
    ACCEPTED = "ACCEPTED"  # whoever accepted it is a partner
    REVOKED = "REVOKED"  # taken back before anybody accepted it
    EXPIRED = "EXPIRED"  # PENDING, and its time is over: told, never written


@dataclass(frozen=True)
class Invitation:
    """Its id is a keyed hash of its token, which is written nowhere. `by`, `user`: keyed hashes of who invited and of
    who accepted. `tier` and `tags` are those of the partner whom it makes.
    """

    id: str
    program_id: str
    person: ContactDetails
    status: InvitationStatus
    created_at_ms: int
    until_ms: int
    by: str
    tier: str = ""
    tags: tuple[str, ...] = ()
    user: str = ""
    partner_id: str = ""

    def status_at(self, now_ms: int) -> InvitationStatus:
        over = self.status is InvitationStatus.PENDING and now_ms >= self.until_ms
        return InvitationStatus.EXPIRED if over else self.status

    def check_open(self, now_ms: int) -> None:
        """Raise Conflict where it has expired, AlreadyDecided where it was accepted or revoked."""
        match self.status_at(now_ms):
            case InvitationStatus.EXPIRED:
                raise Conflict("this invitation has expired")
            case InvitationStatus.ACCEPTED | InvitationStatus.REVOKED:
                raise AlreadyDecided("this invitation cannot be accepted any more")
            case InvitationStatus.PENDING:
                pass


class ApplicationStatus(StrEnum):
    """What was decided about an application."""

    WAITING = "WAITING"  # nobody has decided yet
    APPROVED = "APPROVED"  # its applicant is a partner
    REJECTED = "REJECTED"  # its applicant was turned down


@dataclass(frozen=True)
class Application:
    """`user`: keyed hash of who applied; `decided_by`: of who decided."""

    id: str
    program_id: str
    person: ContactDetails
    user: str
    message: str
    created_at_ms: int
    body: str  # hash of what was asked
    status: ApplicationStatus = ApplicationStatus.WAITING
    decided_by: str = ""
    decided_at_ms: int = 0
    reason: str = ""
    partner_id: str = ""

    def check_decision(self, status: ApplicationStatus, by: str) -> None:
        """Raise Forbidden for who applied, AlreadyDecided where it was decided otherwise."""
        check_stranger(Act.DECIDE_APPLICATION, by, self.user)
        if self.status not in (ApplicationStatus.WAITING, status):
            raise AlreadyDecided(f"the application is {self.status}")
