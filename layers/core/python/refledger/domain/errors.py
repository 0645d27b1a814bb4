"""Everything that refledger refuses, each with a code that stays the same for ever.

Refledger
├── Invalid                    INVALID               the input breaks a rule that can be said in words
│   ├── UnknownCurrency        UNKNOWN_CURRENCY      no currency of ISO 4217, or none that is settled here
│   ├── NoteNeeded             NOTE_NEEDED           this must not be done without saying why
│   └── Unreadable             UNREADABLE            an event that cannot be understood; goes to the DLQ with its reason
├── Unauthenticated            UNAUTHENTICATED       not an access token
│   ├── FreshSignInNeeded      FRESH_SIGN_IN_NEEDED  the sign-in is too long ago for what moves money
│   └── BadSignature           BAD_SIGNATURE         a webhook that its sender did not sign, or long ago
├── Forbidden                  FORBIDDEN             the caller's role does not allow it
│   ├── OwnWithdrawal          OWN_WITHDRAWAL        nobody decides about their own money
│   └── OwnAdjustment          OWN_ADJUSTMENT        nor corrects it
├── NotFound                   NOT_FOUND             there is nothing with this id, or the caller may not see it
│   ├── ProgramNotFound        PROGRAM_NOT_FOUND     no program has this id
│   ├── ProgramChangeNotFound  PROGRAM_CHANGE_NOT_FOUND  the program has no such change that waits
│   ├── PartnerNotFound        PARTNER_NOT_FOUND     there is no such partner, or whoever is signed in is none yet
│   ├── CodeNotFound           CODE_NOT_FOUND        no partner has this referral code
│   ├── WithdrawalNotFound     WITHDRAWAL_NOT_FOUND  there is no such withdrawal, or it is another partner's
│   ├── PaymentNotFound        PAYMENT_NOT_FOUND     no payment with this id has come from this source
│   ├── RefundNotFound         REFUND_NOT_FOUND      the payment has no such refund
│   ├── RewardNotFound         REWARD_NOT_FOUND      there is no such reward, or it is another partner's
│   ├── MethodNotFound         PAYOUT_METHOD_NOT_FOUND  the partner has no such payout method
│   ├── AdjustmentNotFound     ADJUSTMENT_NOT_FOUND  there is no such correction of a balance
│   ├── ReferralNotFound       REFERRAL_NOT_FOUND    there is no such referral, or it is another partner's
│   ├── InvitationNotFound     INVITATION_NOT_FOUND  the invitation was used or revoked, has expired, or never was
│   ├── ApplicationNotFound    APPLICATION_NOT_FOUND  there is no such application, or it is somebody else's
│   ├── JobNotFound            JOB_NOT_FOUND         no export or import of the caller's has this id
│   ├── PersonNotFound         PERSON_NOT_FOUND      nobody with this id has done anything here
│   ├── EntryNotFound          ENTRY_NOT_FOUND       the balance has no entry of this number
│   ├── ApiKeyNotFound         API_KEY_NOT_FOUND     there is no such API key
│   └── BatchNotFound          BATCH_NOT_FOUND       there is no such batch of transfers
├── Conflict                   CONFLICT              the state of things does not allow it
│   ├── ProgramExists          PROGRAM_EXISTS        another program has this id
│   ├── EmailTaken             EMAIL_TAKEN           another partner has this e-mail address
│   ├── ExternalIdTaken        EXTERNAL_ID_TAKEN     another one of its kind in the program has this id of yours
│   ├── UserTaken              USER_TAKEN            whoever this is signs in as another partner already
│   ├── AlreadyReferred        ALREADY_REFERRED      the customer was referred before, and the first referral counts
│   ├── CustomerPaidBefore     CUSTOMER_PAID_BEFORE  and the program, or a service, takes new customers only
│   ├── PartnerSuspended       PARTNER_SUSPENDED     while a partner is suspended nothing is paid out to them
│   ├── AlreadyDecided         ALREADY_DECIDED       somebody has decided before, or it has gone further meanwhile
│   ├── NotPayable             NOT_PAYABLE           the withdrawal is not in a state in which it can be paid
│   ├── MethodNotUsable        PAYOUT_METHOD_NOT_USABLE  disabled, or not verified where that is needed
│   ├── TooManyMethods         TOO_MANY_PAYOUT_METHODS  the partner has as many as there may be; remove one first
│   ├── CodeTaken              CODE_TAKEN            another partner has this code, or had it
│   ├── TooManyCodes           TOO_MANY_CODES        the partner has as many as there may be
│   ├── TooManyApiKeys         TOO_MANY_API_KEYS     there are as many as there may be; revoke one first
│   ├── TooManyJobs            TOO_MANY_JOBS         as many exports and imports run as one person may have
│   ├── StatementTooLong       STATEMENT_TOO_LONG    a month of more entries than a statement shows; export the ledger
│   ├── TooManyWithdrawals     TOO_MANY_WITHDRAWALS  open at once, or asked for on one day
│   ├── LeadTaken              LEAD_TAKEN            another referral has this lead
│   ├── ReferralClosed         REFERRAL_CLOSED       it has converted, was rejected or has expired
│   ├── ProgramClosed          PROGRAM_CLOSED        it is paused or archived
│   ├── NotCounted             NOT_COUNTED           figures of which nobody knows since when they are counted
│   └── SecondPersonNeeded     SECOND_PERSON_NEEDED  the same person said yes before
├── Stale                      STALE                 If-Match names a version that is not the current one
├── Unprocessable              UNPROCESSABLE         understood, and the rules say no
│   ├── OwnCode                OWN_CODE              nobody refers themselves
│   ├── CodeClosesCircle       CODE_CLOSES_CIRCLE    the code is of somebody whom the caller has brought
│   ├── CodeNotActive          CODE_NOT_ACTIVE       the code is disabled, or its partner may not earn now
│   ├── CodeNotAllowed         CODE_NOT_ALLOWED      it could be taken for another one, or for something else
│   ├── InsufficientFunds      INSUFFICIENT_FUNDS    less is available than was asked for
│   ├── BelowMinimum           BELOW_MINIMUM         the program pays out more than that at once, or nothing
│   ├── CurrencyNotTaken       CURRENCY_NOT_TAKEN    the program does not take this currency
│   ├── NoDebt                 NO_DEBT               there is less debt than was to be forgiven
│   └── KeyReused              IDEMPOTENCY_KEY_REUSED  it came with another body before; a new request needs a new one
├── RateLimited                RATE_LIMITED          too many calls in a minute; Retry-After says when to go on
├── Busy                       BUSY                  others kept changing the same money; nothing was done
├── Unavailable                UNAVAILABLE           what is needed does not answer; what was asked may be done
│   ├── DataIsNewer            DATA_IS_NEWER         than this code, which leaves it alone
│   └── Stopped                STOPPED               somebody has stopped what books and pays; nothing was done
├── PayoutDeclined             PAYOUT_DECLINED       for certain not paid: the money goes back
└── PayoutUnavailable          PAYOUT_UNAVAILABLE    not known: the money stays where it is

`entry/problems.py` maps the families to HTTP; Step Functions names the last three by their class.
"""

from __future__ import annotations


class Refledger(Exception):
    """Base of all; `detail` is written for the caller and holds no secret and no one else's data."""

    code = "ERROR"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.code)
        self.detail = detail


class Invalid(Refledger):
    code = "INVALID"


class UnknownCurrency(Invalid):
    code = "UNKNOWN_CURRENCY"


class NoteNeeded(Invalid):
    code = "NOTE_NEEDED"


class Unreadable(Invalid):
    code = "UNREADABLE"


class Unauthenticated(Refledger):
    code = "UNAUTHENTICATED"


class FreshSignInNeeded(Unauthenticated):
    """Whoever it is signed in too long ago, in seconds, or their token does not say when."""

    code = "FRESH_SIGN_IN_NEEDED"

    def __init__(self, detail: str = "", max_age_seconds: int = 0) -> None:
        super().__init__(detail)
        self.max_age_seconds = max_age_seconds


class BadSignature(Unauthenticated):
    code = "BAD_SIGNATURE"


class Forbidden(Refledger):
    code = "FORBIDDEN"


class OwnWithdrawal(Forbidden):
    code = "OWN_WITHDRAWAL"


class OwnAdjustment(Forbidden):
    code = "OWN_ADJUSTMENT"


class NotFound(Refledger):
    code = "NOT_FOUND"


class ProgramNotFound(NotFound):
    code = "PROGRAM_NOT_FOUND"


class ProgramChangeNotFound(NotFound):
    code = "PROGRAM_CHANGE_NOT_FOUND"


class ApiKeyNotFound(NotFound):
    code = "API_KEY_NOT_FOUND"


class PersonNotFound(NotFound):
    code = "PERSON_NOT_FOUND"


class PartnerNotFound(NotFound):
    code = "PARTNER_NOT_FOUND"


class CodeNotFound(NotFound):
    code = "CODE_NOT_FOUND"


class EntryNotFound(NotFound):
    code = "ENTRY_NOT_FOUND"


class WithdrawalNotFound(NotFound):
    code = "WITHDRAWAL_NOT_FOUND"


class PaymentNotFound(NotFound):
    code = "PAYMENT_NOT_FOUND"


class RefundNotFound(NotFound):
    code = "REFUND_NOT_FOUND"


class RewardNotFound(NotFound):
    code = "REWARD_NOT_FOUND"


class MethodNotFound(NotFound):
    code = "PAYOUT_METHOD_NOT_FOUND"


class AdjustmentNotFound(NotFound):
    code = "ADJUSTMENT_NOT_FOUND"


class ReferralNotFound(NotFound):
    code = "REFERRAL_NOT_FOUND"


class InvitationNotFound(NotFound):
    code = "INVITATION_NOT_FOUND"


class ApplicationNotFound(NotFound):
    code = "APPLICATION_NOT_FOUND"


class JobNotFound(NotFound):
    code = "JOB_NOT_FOUND"


class BatchNotFound(NotFound):
    code = "BATCH_NOT_FOUND"


class Conflict(Refledger):
    code = "CONFLICT"


class ProgramExists(Conflict):
    code = "PROGRAM_EXISTS"


class EmailTaken(Conflict):
    code = "EMAIL_TAKEN"


class ExternalIdTaken(Conflict):
    code = "EXTERNAL_ID_TAKEN"


class UserTaken(Conflict):
    code = "USER_TAKEN"


class AlreadyReferred(Conflict):
    code = "ALREADY_REFERRED"


class CustomerPaidBefore(Conflict):
    code = "CUSTOMER_PAID_BEFORE"


class PartnerSuspended(Conflict):
    code = "PARTNER_SUSPENDED"


class AlreadyDecided(Conflict):
    code = "ALREADY_DECIDED"


class NotPayable(Conflict):
    code = "NOT_PAYABLE"


class MethodNotUsable(Conflict):
    code = "PAYOUT_METHOD_NOT_USABLE"


class TooManyMethods(Conflict):
    code = "TOO_MANY_PAYOUT_METHODS"


class CodeTaken(Conflict):
    code = "CODE_TAKEN"


class TooManyCodes(Conflict):
    code = "TOO_MANY_CODES"


class TooManyApiKeys(Conflict):
    code = "TOO_MANY_API_KEYS"


class TooManyJobs(Conflict):
    code = "TOO_MANY_JOBS"


class StatementTooLong(Conflict):
    code = "STATEMENT_TOO_LONG"


class TooManyWithdrawals(Conflict):
    code = "TOO_MANY_WITHDRAWALS"


class LeadTaken(Conflict):
    code = "LEAD_TAKEN"


class ReferralClosed(Conflict):
    code = "REFERRAL_CLOSED"


class ProgramClosed(Conflict):
    code = "PROGRAM_CLOSED"


class NotCounted(Conflict):
    code = "NOT_COUNTED"


class SecondPersonNeeded(Conflict):
    code = "SECOND_PERSON_NEEDED"


class Stale(Refledger):
    code = "STALE"


def check_version(what: str, current: int, read: int | None) -> None:
    """Raise Stale where somebody read another version than the current one; None: they do not say which."""
    if read is not None and read != current:
        raise Stale(f"the {what}'s current version is {current}")


class Unprocessable(Refledger):
    code = "UNPROCESSABLE"


class OwnCode(Unprocessable):
    code = "OWN_CODE"


class CodeClosesCircle(Unprocessable):
    code = "CODE_CLOSES_CIRCLE"


class CodeNotActive(Unprocessable):
    code = "CODE_NOT_ACTIVE"


class CodeNotAllowed(Unprocessable):
    code = "CODE_NOT_ALLOWED"


class InsufficientFunds(Unprocessable):
    code = "INSUFFICIENT_FUNDS"


class BelowMinimum(Unprocessable):
    code = "BELOW_MINIMUM"


class CurrencyNotTaken(Unprocessable):
    code = "CURRENCY_NOT_TAKEN"


class NoDebt(Unprocessable):
    code = "NO_DEBT"


class KeyReused(Unprocessable):
    code = "IDEMPOTENCY_KEY_REUSED"


class RateLimited(Refledger):
    """Too many calls in this minute; `retry_after_seconds` until the next one begins."""

    code = "RATE_LIMITED"

    def __init__(self, detail: str, retry_after_seconds: int) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class Busy(Refledger):
    code = "BUSY"


class Unavailable(Refledger):
    code = "UNAVAILABLE"


class DataIsNewer(Unavailable):
    code = "DATA_IS_NEWER"


class Stopped(Unavailable):
    """The workflow knows it by this name, and asks again later."""

    code = "STOPPED"


class PayoutDeclined(Refledger):
    """For certain not paid. `retryable`: for a reason of the owner's: a person may try again when it is gone."""

    code = "PAYOUT_DECLINED"

    def __init__(self, detail: str = "", *, retryable: bool = False) -> None:
        super().__init__(detail)
        self.retryable = retryable


class PayoutUnavailable(Refledger):
    code = "PAYOUT_UNAVAILABLE"
