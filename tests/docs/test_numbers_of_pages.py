"""Limits, defaults and times that pages state are those of the code and the template.

A row: the page, a piece of its text with `{}` where the number stands (in digits or as a word), and the number. Who
changes one finds the page; who writes a new number writes a row.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from refledger.adapters import secrets, signed_webhooks, stripe_source
from refledger.adapters.payouts.stripe_connect import StripeTransfers
from refledger.domain import batches, codes, jobs, links, periods, programs, statements, suspicion
from refledger.domain.times import DAY_MS, HOUR_MS, MINUTE_MS
from refledger.entry.events import checks, own
from refledger.entry.models import common, partner_bulk, referrals, rewards
from refledger.operations.earning import parked, unattributed
from refledger.operations.figures import leaderboards
from refledger.operations.jobs import import_run
from refledger.operations.partners import anonymization, partner_lists
from refledger.operations.partners import links as clicked
from refledger.operations.payouts import withdrawals
from refledger.operations.recovery import reconciliation
from refledger.operations.referring import referral_lists
from refledger.store import alike, customers, leads, payments
from tests.template.deployed import ROOT, declared

WORDS = dict(zip(
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "fourteen", "twenty"),
    (*range(11), 14, 20), strict=True,
))  # fmt: skip
RESOURCES, PARAMETERS = declared()["Resources"], declared()["Parameters"]


def attribute(resource: str, *path: str | int) -> Any:
    found: Any = RESOURCES[resource]["Properties"]
    for step in path:
        found = found[step]
    return found


def days_of(queue: str) -> int:
    return int(attribute(queue, "MessageRetentionPeriod")) // 86_400


def default(parameter: str) -> int:
    return int(PARAMETERS[parameter]["Default"])


ROWS = [
    ("docs/access.md", "per class: {} reads", default("ReadsPerMinute")),
    ("docs/access.md", "(`ReadsPerMinute`), {} writes", default("WritesPerMinute")),
    ("docs/access.md", "(`WritesPerMinute`), {} heavy", default("HeavyPerMinute")),
    ("docs/access.md", "(`HeavyPerMinute`), {} about withdrawals", default("WithdrawalsPerMinute")),
    ("docs/access.md", "and besides {} codes", default("UnknownCodesPerMinute")),
    ("docs/access.md", "and {} whole account numbers", default("AccountsPerMinute")),
    ("docs/events.md", "your id of this movement of money, 1 to {} characters", checks.MAX_ID_CHARACTERS),
    ("docs/events.md", "at most {} day in the future", checks.MAX_FUTURE_MS // DAY_MS),
    ("docs/events.md", "instead of it, up to {} of", own.MAX_ITEMS),
    ("docs/events.md", "or the same amount within {} hours", suspicion.WITHIN_MS // HOUR_MS),
    ("docs/events.md", "({} unless it says otherwise, 720 at most, 0 for never)", programs.BIND_WITHIN_HOURS),
    ("docs/events.md", "(24 unless it says otherwise, {} at most, 0 for never)", programs.MAX_BIND_WITHIN_HOURS),
    ("docs/events.md", "up to {} payments, earns as if it had come after", unattributed.TAKEN_LIMIT),
    ("docs/events.md", "state=UNREFERRED`, for {} days", payments.IGNORED_KEPT_DAYS),
    ("docs/events.md", "What has waited for {} days is reported by an alarm", parked.OVERDUE_MS // DAY_MS),
    ("docs/leads.md", "is kept for {} days after the last news", leads.KEPT_MS // DAY_MS),
    ("docs/leads.md", "Each has at least {} characters", signed_webhooks.SHORTEST_SECRET),
    ("docs/leads.md", "A new value counts within {} minutes", secrets.FRESH_MS // MINUTE_MS),
    ("docs/leads.md", "A message of {} minutes ago is not believed", signed_webhooks.TOLERANCE_SECONDS // 60),
    ("docs/payouts.md", "and within {} minutes the functions have it", secrets.FRESH_MS // MINUTE_MS),
    ("docs/payouts.md", "One with less than {} characters", signed_webhooks.SHORTEST_SECRET),
    ("docs/payouts.md", "with the same key for {} hours", StripeTransfers.idempotent_ms // HOUR_MS),
    ("docs/payouts.md", "After {} hours a begun one is UNKNOWN", StripeTransfers.idempotent_ms // HOUR_MS),
    ("docs/payouts.md", "every hour what it sent until {} hours before", reconciliation.LAG_SECONDS // 3600),
    ("docs/privacy.md", "`--keep-years`, {} unless you say otherwise", anonymization.KEPT_YEARS),
    ("docs/privacy.md", "with `forget customer`, or after {} days", customers.NOBODYS_KEPT_DAYS),
    ("docs/privacy.md", "the reason of a loss) | table | {} days after", leads.KEPT_MS // DAY_MS),
    ("docs/privacy.md", "that a partner had before | table | {} days after", alike.FORMER_KEPT_MS // DAY_MS),
    ("docs/privacy.md", "payments that earned nobody anything | table | {} days", payments.IGNORED_KEPT_DAYS),
    ("docs/privacy.md", "`FilesBucket` | after {} days",
     attribute("FilesBucket", "LifecycleConfiguration", "Rules", 0, "ExpirationInDays")),
    ("docs/privacy.md", "what became of the lines of imports | table | after {} days", jobs.KEPT_MS // DAY_MS),
    ("docs/privacy.md", "`LogRetentionDays`, {} unless you say otherwise", default("LogRetentionDays")),
    ("docs/privacy.md", "dead-letter queues | after {} days", days_of("PaymentsDlq")),
    ("docs/privacy.md", "`RecordsBucket` | after {} days",
     attribute("RecordsBucket", "LifecycleConfiguration", "Rules", 0, "ExpirationInDays")),
    ("docs/failure-model.md", "the archive has it ({} days)", default("ArchiveDays")),
    ("docs/failure-model.md", "a queue forgets after {} days", days_of("PaymentsQueue")),
    ("docs/failure-model.md", "sent for {} hours; then a person looks", StripeTransfers.idempotent_ms // HOUR_MS),
    ("docs/api/exports-and-imports.md", "and is forgotten after {} days", jobs.KEPT_MS // DAY_MS),
    ("docs/api/exports-and-imports.md", "A person has at most {} open jobs at a time", jobs.MOST_OPEN),
    ("docs/api/exports-and-imports.md", "to whoever has it, for {} minutes", jobs.LINK_SECONDS // 60),
    ("docs/api/exports-and-imports.md", "The file is kept for {} days",
     attribute("FilesBucket", "LifecycleConfiguration", "Rules", 0, "ExpirationInDays")),
    ("docs/api/exports-and-imports.md", "at most 1 MiB and {} lines", import_run.MOST_LINES),
    ("docs/api/links.md", "ASCII, up to {} characters", links.MAX_URL),
    ("docs/api/links.md", "Of one address about {} clicks a minute", clicked.COUNTED_A_MINUTE),
    ("docs/api/partners.md", "looks at {} partners at most", partner_lists.LOOKED_AT),
    ("docs/api/partners.md", "`POST /partners/bulk` takes up to {} of", partner_bulk.MOST),
    ("docs/api/partners.md", "the system makes one of {} characters", codes.LENGTH),
    ("docs/api/partners.md", "A partner has up to {} codes beside the main one", codes.MAX_CODES),
    ("docs/api/referrals.md", "call looks at {} referrals at most", referral_lists.LOOKED_AT),
    ("docs/api/referrals.md", "`bulk` takes up to {} of", referrals.MOST),
    ("docs/api/reports.md", "both with them, {} at most", periods.LONGEST_DAYS),
    ("docs/api/rewards.md", "up to {} at a time, a result for each", rewards.BULK),
    ("docs/api/statements.md", "With more than {} movements in a currency", statements.MAX_LINES),
    ("docs/api/withdrawals.md", "A partner has at most {} open withdrawals", withdrawals.BOUNDS.open),
    ("docs/api/withdrawals.md", "asks for at most {} a day", withdrawals.BOUNDS.a_day),
    ("docs/api/audit.md", "Newest first, {} on a page", common.PAGE),
    ("docs/glossary.md", "Up to {} partners of a program, a month and a metric", leaderboards.KEPT),
    ("docs/operations.md", "`limit` up to {} and a `currency`", batches.MAX_LINES),
    ("docs/operations.md", "`FreshSignInMinutes` ({};", default("FreshSignInMinutes")),
    ("docs/operations.md", "failed {} times (no attributes",
     attribute("PaymentsQueue", "RedrivePolicy", "maxReceiveCount")),
    ("docs/operations.md", "wait in their queues ({} days)", days_of("PaymentsQueue")),
    ("docs/operations.md", "(up to {} days) against what is here", stripe_source.KEPT_SECONDS // 86_400),
    ("docs/operations.md", "and again {} minutes later; their configuration", secrets.FRESH_MS // MINUTE_MS),
]  # fmt: skip


@pytest.mark.parametrize(("page", "text", "number"), ROWS)
def test_a_number_is_the_codes(page: str, text: str, number: int) -> None:
    """In digits, with or without a comma, or as a word."""
    whole = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    before, after = (re.escape(part) for part in text.split("{}"))
    (said,) = re.findall(f"{before}([0-9,]+|[a-z]+){after}", whole)
    assert (WORDS[said] if said in WORDS else int(said.replace(",", ""))) == number
