"""Descriptions for the OpenAPI document: of fields from the docstrings of their models or from one list by
name; of enums from the comments beside their members.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from enum import Enum
from functools import cache

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

IDEMPOTENCY_KEY = (
    "A key of your own, such as a UUID: a repeat with the same key and body is answered as the first call was, and "
    "does nothing again."
)
# `amount`, `net`: minor units. `held`: why …
FIELDS = re.compile(r"((?:`\w+`(?:,\s|\sand\s))*`\w+`):\s")
MEMBER = re.compile(r"""^\s+\w+ = "([^"]*)"(?:  # (.+))?$""", re.M)


def of_model(model: type[BaseModel]) -> tuple[str, dict[str, str]]:
    """Split a model's docstring: what it is, and what its fields are, by their names in JSON."""
    told: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind.__module__.startswith("refledger."):
            told |= dict(_fields(inspect.cleandoc(kind.__doc__ or "")))
    words = inspect.cleandoc(model.__doc__ or "")
    start = FIELDS.search(words)
    return _line(words[: start.start()] if start else words), told


def _fields(words: str) -> Iterator[tuple[str, str]]:
    found = list(FIELDS.finditer(words))
    ends = [*(match.start() for match in found[1:]), len(words)]
    for match, end in zip(found, ends, strict=False):
        text = _line(words[match.end() : end])
        for name in re.findall(r"`(\w+)`", match[1]):
            yield name, text


def _line(words: str) -> str:
    return re.sub(r"\s+", " ", words).strip(" ;\n")


def sentence(words: str) -> str:
    """A capital, and something at the end."""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".…" else ".")


@cache
def of_enum(kind: type[Enum]) -> dict[str, str]:
    """What is written beside each member."""
    return {value: words or "" for value, words in MEMBER.findall(inspect.getsource(kind))}


class Described(GenerateJsonSchema):
    """Pydantic's schemas, with the descriptions."""

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        made = super().enum_schema(schema)
        words = of_enum(schema["cls"])
        return {**made, "x-enumDescriptions": {value: words.get(value, "") for value in made.get("enum", ())}}

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        words, fields = of_model(schema["cls"])
        made.pop("description", None)  # the whole docstring
        if words:
            made["description"] = words
        for name, each in made.get("properties", {}).items():
            if told := fields.get(name) or in_common(schema["cls"].__name__, name, each):
                each["description"] = sentence(told)
        return made

    def field_title_should_be_set(self, schema: object) -> bool:
        """Leave out "Partnerid" and its like."""
        return False


def of_parameter(name: str) -> str:
    """What a parameter of a path is."""
    words = re.sub(r"([A-Z])", lambda match: f" {match[1].lower()}", name.removesuffix("Id"))
    return PATHS.get(name) or (f"The id of the {words}." if name.endswith("Id") else COMMON[name])


def in_common(model: str, name: str, schema: JsonSchemaValue) -> str:
    """What a field of this name is, or the name of somebody whose id stands beside it; "" where that is not known."""
    beside = name.removesuffix("Name")
    of_person = f"The name of who is in `{beside}`; null where none is known." if beside in COMMON else ""
    as_text = COMMON.get(f"{name}:string") if "string" in str(schema) else ""
    return COMMON.get(f"{model}.{name}") or as_text or COMMON.get(name) or of_person


PATHS: dict[str, str] = {
    "customerId": "What you call the customer.",
    "leadId": "What your CRM calls the lead.",
    "version": "The number of the version: 1, 2, 3 …",
    "screen": "Which screen; the page itself looks at it.",
    "thing": "What is shown on it; the page itself looks at it.",
    "problem": "The code in small letters, with hyphens, as `type` has it.",
    "file": "The file's name, as a page names it.",
}
# By name; "Model.name" where a model means something else by it. Amounts are whole numbers of minor units.
COMMON: dict[str, str] = {
    "about": "What it is, and what can be done about it, in words.",
    "account": "The number, masked.",
    "AccountBalanceView.account": "Which account of the ledger.",
    "accountHolder": "In whose name the account is.",
    "accountLength": "How many digits DATEV's accounts have.",
    "accountNumber": "The number of an account that has no IBAN.",
    "accounts": "Sums of each account of the ledger.",
    "BooksBody.accounts": "What your books call each account of the ledger.",
    "StatementView.accounts": "One for each currency.",
    "action": "What was done to the item.",
    "actions": "What a person can do about it now.",
    "actor": "Who did it.",
    "adjustmentLimit": "Above this sum of one person's day a correction needs a second person; null: never.",
    "adjustments": "What your books call this account.",
    "after": "The value since.",
    "before": "The value until then.",
    "ageDays": "Whole days since it was parked.",
    "allTime": "The same, since the beginning.",
    "allowedDomains": "Hosts to which links may lead; `*.example.com` is all below one.",
    "amount": "In minor units of the currency.",
    "amounts": "In minor units, one for each currency.",
    "approvalTimeoutSeconds": "How long a withdrawal waits for a decision before it expires.",
    "approver": "Who agreed; null while nobody has.",
    "asOf": "The moment of the sums.",
    "askedAt": "When it was asked for.",
    "askedBy": "Who asked for it.",
    "at": "When it happened.",
    "NextView.at": "When it does; null where nobody knows yet.",
    "attributionDays": "How long a referral may wait for its first payment before it expires; null: for ever.",
    "authorName": "What that person is called.",
    "autoApproveLimit": "Withdrawals up to this amount need no person; null: all do.",
    "available": "What can be withdrawn, in minor units; below zero it is a debt.",
    "availableDecimal": "`available` in major units",
    "reservedDecimal": "`reserved` in major units",
    "paidDecimal": "`paid` in major units",
    "amountDecimal": "`amount` in major units",
    "AccountsBody.available": "What your books call this account.",
    "averageHours": "The mean, in whole hours; null where nothing converted.",
    "balance": "Credit less debit, in minor units.",
    "balanced": "Whether debit equals credit.",
    "balances": "One for each currency.",
    "bankCode": "The code of the bank: a sort code, routing number or BSB.",
    "base": "What of the payment shares are computed of, in minor units.",
    "baseVersion": "The version of the program that the change was asked for.",
    "batchId": "The bank's file that carries it; null where none does.",
    "becauseOf": "The payment that changed it.",
    "bic": "The bank's BIC.",
    "bindWithinHours": "How long after signing up somebody can still name who referred them.",
    "booked": "The journal entry that brought it into the balance; null before.",
    "by": "Who did it: an id of `GET /people/{personId}`, or `system`.",
    "byCampaign": "Counts for each campaign.",
    "bySource": "Counts for each source.",
    "byStatus": "For each status.",
    "byTier": "For each label of partners.",
    "campaign": "The campaign that a code or a referral belongs to; empty for none.",
    "campaigns": "Those whose clicks are counted apart.",
    "cancelled": "Why it was cancelled; null where it is not.",
    "RewardPointView.cancelled": "Of rewards that were cancelled, in minor units.",
    "cap": "The monthly cap of its currency, in minor units.",
    "ExplanationView.cap": "What a monthly cap does to it; null without one.",
    "chain": "Where the journal's hashes are broken; for an ANCHOR.",
    "changedAt": "When this version was made.",
    "changedBy": "Who made this version.",
    "changes": "Each value that changed.",
    "caller": "The service that told of it over HTTP; null where it came by the bus or from Stripe.",
    "clearedBy": "Who said whether it is the same payment.",
    "clicks": "How often the link was followed.",
    "client": "DATEV's number of the client.",
    "closedAt": "When it was rejected or expired.",
    "closing": "What was held at the end.",
    "code": "The referral code.",
    "roles": "What they may do for the owner: see docs/access.md.",
    "BlockerView.code": "What stands against paying it.",
    "ReferralResult.code": "Why nothing was done: a problem's code; null where it was.",
    "RewardResult.code": "Why nothing was done: a problem's code; null where it was.",
    "PartnerBulkResult.code": "Why nothing was done: a problem's code; null where it was.",
    "WithdrawalBulkResult.code": "Why nothing was done: a problem's code; null where it was.",
    "ImportLineView.code": "The referral code of the partner.",
    "commissionOnShipping": "Whether what was paid for shipping earns.",
    "companyName": "The company's name.",
    "complete": "Whether all of it was looked at; else call again.",
    "confirmedAt": "When it was confirmed, where it took two.",
    "confirmedBy": "Who confirmed it, where it took two.",
    "consultant": "DATEV's number of the consultant.",
    "conversion": "What the conversion was worth, as a payment.",
    "conversionLimit": "What services may tell in a day before a person must release it, in minor units.",
    "salesLimit": "What one service's sales may earn in a day before a person must release it, in minor units.",
    "conversionRateBps": "Referrals that converted, in basis points of all; null where there are none.",
    "conversions": "How many referrals converted.",
    "converted": "How many of them converted.",
    "convertedAt": "When it brought its first money.",
    "cookieDays": "How long the cookie of a click lives; 0: there is none.",
    "cookieDomain": "The domain of that cookie; empty: the page's own host.",
    "coolingHours": "How long a new account or sign-in must wait for its first payout.",
    "count": "How many.",
    "country": "ISO 3166-1, two letters.",
    "counts": "How many lines came to what.",
    "create": "The items to make.",
    "created": "How many were made.",
    "createdAt": "When it was made.",
    "createdBy": "Who made it.",
    "credit": "What arrived, in minor units.",
    "EntryView.credit": "The account of the ledger in which it arrived.",
    "HappeningView.credit": "The account of the ledger in which it arrived.",
    "currencies": "The currencies that the program takes, with their limits.",
    "currency": "ISO 4217.",
    "cursor": "The `nextCursor` of the page before.",
    "customerHash": "By which payments of one customer are known to be so.",
    "customerId": "What you call the customer.",
    "customerKnown": "Whether it is known who the customer is.",
    "data": "The items, in the order of the list.",
    "date": "A calendar day.",
    "days": "The last days, one after the other.",
    "debit": "What left, in minor units.",
    "EntryView.debit": "The account of the ledger that it left.",
    "HappeningView.debit": "The account of the ledger that it left.",
    "decidedAt": "When it was decided; null before.",
    "decidedBy": "Who decided; null before.",
    "deeperTiers": "Tiers from the third on, by their number.",
    "defaultUrl": "Where a link leads that names no page.",
    "delete": "Ids of referrals to be deleted.",
    "detail": "The same in words.",
    "disabledAt": "When it was taken out of use; null where it is in use.",
    "disputed": "What open disputes hold of it, in minor units.",
    "disputes": "Its chargebacks.",
    "dryRun": "Whether it is only tried, and nothing is made.",
    "duplicate": "How many lines name a partner who is there.",
    "earned": "How it was computed.",
    "PartnerDayView.earned": "Rewards earned that day, in minor units.",
    "earnedAt": "When the payment happened that it is of.",
    "earnings": "In minor units, one for each currency.",
    "email": "The e-mail address.",
    "entity": "The id of what was changed.",
    "entries": "How many journal entries.",
    "AdjustmentView.entries": "The entries whose hashes are broken; for an ANCHOR.",
    "NewAdjustment.entries": "The entries whose hashes are broken; for an ANCHOR.",
    "entry": "Its place in the partner's journal; null where it is not booked.",
    "errors": "What is wrong in which field.",
    "events": "What the partner wants to be told of.",
    "TimelineView.events": "What happened, oldest first.",
    "exact": "The share before it is rounded down, as a decimal.",
    "expire": "Ids of referrals to be expired.",
    "expired": "How many expired.",
    "expiresAt": "When it ends if nothing happens.",
    "exposure": "In which one currency sums of several are held against a limit, and at which weights.",
    "externalId": "What the system that told of it calls it.",
    "WholePartner.externalId": "What you call the partner; empty for none.",
    "WholeReferral.externalId": "What you call the referral; empty for none.",
    "ReferralView.externalId": "What you call the referral; null for partners.",
    "ConvertedView.externalId": "What you call the referral.",
    "ClosedView.externalId": "What you call the referral.",
    "metadata": "Texts that you keep with it, by keys of yours.",
    "externalPaymentId": "What the system that told of its payment calls that.",
    "failed": "Whether it never left.",
    "CheckedView.failed": "How many could not be looked at; the next call does.",
    "field": "Which value.",
    "filters": "What is asked for, of all that there is.",
    "finishedAt": "When it ended; null before.",
    "firstAmount": "What the reward was until then, in minor units.",
    "firstName": "The given name.",
    "firstPayment": "What tiers earn of a customer's first payment; null: what they earn of others.",
    "firstReward": "The first of the rewards that the entry sums.",
    "fiscalYearStart": "The first day of the fiscal year.",
    "flat": "Amounts that a tier earns, one for each currency.",
    "forgottenAt": "When their name was forgotten; null where it was not.",
    "format": "What the file is written as.",
    "from": "The first day, in UTC.",
    "IdleView.from": "When it began.",
    "ActorView.from": "The address that was called from.",
    "TermChangeView.from": "What it was.",
    "AuditQuery.from": "The first moment.",
    "fromDays": "Whole days, this one included.",
    "givenByHand": "What staff gave that day, in minor units.",
    "gone": "What of it went back to the customer or is disputed, in minor units.",
    "granted": "What of the reward counts after refunds and caps, in minor units.",
    "hash": "The SHA-256 of this entry and of the hash before it.",
    "history": "Its statuses, oldest first.",
    "holdDays": "How long a reward waits before it comes into the balance.",
    "iban": "The IBAN.",
    "id": "The id of it.",
    "idle": "The times in which nothing was earned.",
    "interval": "How long a point is.",
    "invalid": "How many lines are not usable.",
    "items": "One payment for each withdrawal.",
    "kept": "What is left, in minor units.",
    "kind": "What kind it is.",
    "ActorView.kind": "The role they acted in, `service`, `partner`, `operator` or `system`.",
    "MovementView.kind": "Why money moved.",
    "EntryView.kind": "Why money moved.",
    "KindTotalView.kind": "Why money moved.",
    "KindView.kind": "Why money moved.",
    "kinds": "Sums by why money moved.",
    "label": "What its owner calls it.",
    "last30Days": "The same, of the last 30 days.",
    "lastMonth": "The same, of the calendar month before.",
    "lastName": "The family name.",
    "lastReward": "The last of the rewards that the entry sums.",
    "leadId": "What your CRM calls the lead.",
    "limit": "How many items a page has at most.",
    "limitMonths": "How many months after a customer's first payment they earn; null: always.",
    "limitPayments": "How many payments of a customer earn; null: all.",
    "lines": "The transfers of it.",
    "linkExpiresAt": "When the link to the file stops working.",
    "links": "Where share links lead; null: the program has none.",
    "portal": "How the portal looks on your own pages, and which may show it; null: none may.",
    "logoUrl": "The picture beside the name, over https; empty for none.",
    "accent": "The colour of links and buttons, as six digits; empty for ours.",
    "termsUrl": "Where the terms stand that partners agree to; empty or null: nowhere.",
    "helpUrl": "Where partners are helped; empty or null: nowhere.",
    "lost": "What lost disputes took of it, in minor units.",
    "madeAt": "When it was made.",
    "main": "Whether it is the partner's first code.",
    "makerWindowDays": "How long whoever did something for a partner does not let their money out.",
    "masked": "Whether it is personal, and not shown.",
    "maturesAt": "When it comes into the balance.",
    "mayBe": "The payment that it may be.",
    "message": "What the applicant wrote.",
    "ImportLineView.message": "What became of the line, in words.",
    "methodId": "The payout method that is shared.",
    "month": "A calendar month, as 2026-11.",
    "CohortMonthView.month": "How many months after the cohort's own.",
    "monthlyCaps": "What a partner can earn in a calendar month, one for each currency.",
    "movements": "Each movement, oldest first, with the balance after it.",
    "name": "What it is called.",
    "nearerTiers": "What nearer tiers earned of it, in minor units.",
    "net": "What is left, in minor units.",
    "neverDue": "What nobody was ever to get, in minor units.",
    "newCustomersOnly": "Whether only those who have not paid before can be referred.",
    "next": "What happens to it from here on.",
    "nextCursor": "For the next page; null on the last one.",
    "note": "What a person wrote.",
    "occurredAt": "When the customer paid.",
    "opening": "What was held at the beginning.",
    "origin": "What made it.",
    "over": "What is above the cap, in minor units.",
    "paid": "What was paid out, in minor units.",
    "AccountsBody.paid": "What your books call this account.",
    "PaymentFiguresView.paid": "What customers paid, in minor units.",
    "TakenBackView.paid": "What the customer paid, in minor units.",
    "paidAt": "When its first reward was paid out.",
    "paidBy": "The withdrawal that paid it, or what covered it.",
    "paidDirectly": "Paid without being reserved first, in minor units.",
    "paidRateBps": "Payments, in basis points of clicks.",
    "parameter": "The name in a link's address that carries the code.",
    "parkedAt": "Since when it waits.",
    "partnerCompany": "The partner's company, for staff.",
    "partnerId": "The partner.",
    "partnerName": "The partner's name, for staff.",
    "partnerSince": "When they became a partner.",
    "partners": "How many partners.",
    "payment": "The payment in question.",
    "paymentId": "The payment.",
    "paymentMethod": "How it was paid, in a word.",
    "payments": "How many payments.",
    "ProgramFiguresView.payments": "What customers paid.",
    "ProgramStatisticsView.payments": "What customers paid.",
    "payoutMethod": "Where the money goes.",
    "payoutMinimum": "The smallest withdrawal.",
    "payoutStatus": "How the withdrawal stands that paid it; RETURNED where the money came back.",
    "pending": "What was earned and is not in the balance yet, in minor units.",
    "perThousand": "How many minor units of the program's currency a thousand of its minor units are held to be.",
    "phone": "The telephone number.",
    "possibleDuplicateOf": "The payment that it may be, as long as nobody has said.",
    "previousHash": "The hash of the entry before.",
    "problem": "Whether only those count that need a person.",
    "productId": "What you call the product.",
    "productRules": "Other rules, for single products.",
    "programId": "The program.",
    "programName": "What the program is called.",
    "rank": "The place, 1 is the best.",
    "rateBps": "In basis points: 2000 is 20 %. Null for a flat amount.",
    "ratedAgain": "What changed it after it was made; null where nothing did.",
    "rates": "What the partner earns instead of the program's rates, for each tier.",
    "reason": "Why, in words of whoever did it.",
    "recordedAt": "When it was told.",
    "reference": "What can be looked up at the other side: the bank's or provider's number.",
    "referralCode": "The partner's code.",
    "referralId": "The referral.",
    "referralRateBps": "Referrals, in basis points of clicks.",
    "referrals": "How many customers were referred.",
    "ProgramFiguresView.referrals": "What became of referrals.",
    "ProgramStatisticsView.referrals": "What became of referrals.",
    "referredAt": "When they were referred.",
    "refunded": "What refunds took of it, in minor units.",
    "refunds": "Its refunds.",
    "reject": "Referrals to be rejected, each with a reason.",
    "rejected": "How many were rejected.",
    "accept": "Ids of referrals to be accepted.",
    "accepted": "How many were accepted.",
    "released": "What went back to balances, in minor units.",
    "request": "The call that did it, as `x-request-id` said.",
    "requester": "Who asked for it.",
    "reserved": "What withdrawals on their way hold, in minor units.",
    "AccountsBody.reserved": "What your books call this account.",
    "results": "One for each, in the order of the request.",
    "returned": "What came back of payouts, in minor units.",
    "revenue": "What customers paid, less what is gone, in minor units.",
    "reversed": "What refunds and disputes took of it, in minor units.",
    "reviewRewards": "Whether a person approves each reward before it comes into the balance.",
    "reward": "The reward itself.",
    "rewardId": "The reward.",
    "rewardIds": "The rewards.",
    "rewards": "The rewards that were made of it.",
    "AccountsBody.rewards": "What your books call this account.",
    "ProgramFiguresView.rewards": "What partners earned.",
    "ProgramStatisticsView.rewards": "What partners earned.",
    "risks": "Why a person should look before money leaves; null until it was assessed.",
    "roundedDown": "The share, rounded down, in minor units.",
    "rule": "Which rule it follows from.",
    "ruleVersion": "The program's version whose rule it is.",
    "rules": "What each tier earns.",
    "rotatedAt": "When it got its secret; null for the first one.",
    "revokedAt": "When it was revoked.",
    "revokedBy": "Who revoked it.",
    "scopes": "What it opens, by the scopes of services.",
    "secondApprovalLimit": "Above this sum of one person's day a withdrawal needs two; null: never.",
    "settled": "Paid out of what was reserved, in minor units.",
    "shareBps": "In basis points of all.",
    "shares": "What each partner earned of it.",
    "shippingEarns": "Whether what was paid for shipping is in the base.",
    "since": "The first moment of the period.",
    "source": "How the referral came in.",
    "status": "How it stands.",
    "BulkBody.status": "The partners whose status changes.",
    "StatusItem.status": "The status to give.",
    "statusReason": "Why its status was changed, in words.",
    "step": "Which step.",
    "steps": "From the first step to the last.",
    "stripeAccountId": "The connected account, `acct_…`.",
    "tags": "Words by which it is found.",
    "state": "What of the program's rewards waits for a person, or was cancelled.",
    "tag": "Only those that have this tag.",
    "token": "What stands in the invitation's link.",
    "takenBack": "What refunds and disputes took of it.",
    "terms": "Each term that changes.",
    "text": "The same in words.",
    "PartnerNoteBody.text": "What to remember.",
    "PartnerNoteView.text": "What was written down.",
    "thisMonth": "The same, of this calendar month.",
    "tier": "How far above the customer: 1 is who referred them.",
    "tier:string": "A label of yours, such as GOLD.",
    "tier1": "What came of the partner's own referrals.",
    "tier2": "What came of referrals of those whom the partner referred.",
    "tierRatesBps": "Rates in basis points, from the first tier on: 2000 is 20 %.",
    "tiers": "What each tier earns, from the first on.",
    "title": "What it is, in a few words.",
    "to": "The last day, in UTC.",
    "IdleView.to": "When it ended; null while it lasts.",
    "TermChangeView.to": "What it becomes.",
    "AuditQuery.to": "The last moment.",
    "toDays": "Whole days, this one excluded; null: no end.",
    "toldBy": "Which system told of it.",
    "total": "The sum of all.",
    "totals": "Sums, in minor units.",
    "transactionId": "The number under which the transfer can be found again.",
    "type": "What kind it is.",
    "unearned": "Tiers that earned nothing of it, and why.",
    "undoAskedBy": "Who asked for it to be undone.",
    "until": "The first moment after the period.",
    "updatedAt": "When it was changed last.",
    "update": "The items to change.",
    "url": "The address to share.",
    "usable": "Whether a withdrawal to it would be taken.",
    "valid": "Whether the code refers somebody now.",
    "validDays": "For how many days it can be accepted.",
    "verified": "Whether a person has verified it.",
    "verifiedBy": "Who verified it.",
    "verifiedAt": "When it was verified; null before.",
    "version": "Counts changes; the ETag.",
    "EntryView.version": "Its place in the journal: 1, 2, 3 …",
    "BookedView.version": "Its place in the journal.",
    "LedgerBalanceView.version": "The place of the last entry in the journal.",
    "weights": "What other currencies are held to be worth.",
    "what": "What it is about.",
    "ExportView.what": "What is exported.",
    "HappeningView.what": "What happened.",
    "NextView.what": "What happens next.",
    "why": "Why nothing was earned.",
    "withdrawalId": "The withdrawal.",
    "withdrawalIds": "The withdrawals.",
    "wouldCreate": "How many lines would make a partner.",
    "writeOffs": "What your books call this account.",
    "year": "The calendar year.",
}
