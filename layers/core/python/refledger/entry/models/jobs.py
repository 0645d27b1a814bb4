"""Exports and imports over HTTP."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import Field, model_validator

from refledger.domain.jobs import ExportSubject, ImportLine, Job, JobStatus, LineStatus
from refledger.domain.journal import Account
from refledger.domain.journal_files import JournalFormat
from refledger.domain.times import iso
from refledger.entry.models.common import Body, Capitals, Currency, Day, Query, TextBody, Title, View, refused

FILTERS: Final[dict[ExportSubject, set[str]]] = {
    ExportSubject.PARTNERS: {"program_id", "status", "since", "until"},
    ExportSubject.REFERRALS: {"program_id", "partner_id", "status", "source", "since", "until"},
    ExportSubject.REWARDS: {"program_id", "partner_id", "status", "since", "until"},
    ExportSubject.PAYMENTS: {"program_id", "since", "until"},
    ExportSubject.WITHDRAWALS: {"program_id", "partner_id", "status", "since", "until"},
    ExportSubject.LEDGER: {"partner_id", "currency", "since", "until"},
    ExportSubject.AUDIT: {"entity", "actor", "since", "until"},
    ExportSubject.JOURNAL: {"partner_id", "currency", "since", "until"},
    ExportSubject.MONTH_END: {"month"},
}
Word = Annotated[str, Capitals, Field(pattern="^[A-Z_]{1,30}$")]
Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-10"])]
OwnAccount = Annotated[Title, Field(min_length=1, examples=["4900"])]
Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]  # of what is not there, nothing is exported


def _known(what: ExportSubject) -> dict[str, set[str]]:
    """The values that a status or a source may have. Loaded by those alone who ask for an export."""
    from refledger.domain.partners import PartnerStatus
    from refledger.domain.referrals import ReferralSource, ReferralStatus
    from refledger.domain.rewards import RewardStatus
    from refledger.domain.withdrawals import WithdrawalStatus

    statuses: dict[ExportSubject, type[StrEnum]] = {
        ExportSubject.PARTNERS: PartnerStatus, ExportSubject.REFERRALS: ReferralStatus,
        ExportSubject.REWARDS: RewardStatus,
        ExportSubject.WITHDRAWALS: WithdrawalStatus,
    }  # fmt: skip
    return {"status": set(statuses.get(what, ())), "source": set(ReferralSource)}


class ExportFilters(Body):
    """What is not named is not asked for. PARTNERS, REFERRALS, REWARDS, WITHDRAWALS know `programId` and `status`;
    REFERRALS, REWARDS, WITHDRAWALS, LEDGER `partnerId`; REFERRALS `source`; PAYMENTS `programId`; LEDGER `currency`;
    AUDIT either `entity` or `actor`; JOURNAL what LEDGER knows; MONTH_END needs `month`, one that is closed, and
    nothing else.

    `from`, `to`: days in UTC, both included, of when a thing was made, earned or booked.
    """

    program_id: Id | None = None
    partner_id: Id | None = None
    status: Word | None = None
    source: Word | None = None
    currency: Currency | None = None
    entity: Id | None = None
    actor: Id | None = None
    month: Month | None = None
    since: Day | None = Field(default=None, alias="from")
    until: Day | None = Field(default=None, alias="to")

    @property
    def given(self) -> set[str]:
        return {name for name in type(self).model_fields if getattr(self, name) is not None}

    def as_text(self) -> dict[str, str]:
        """By their names in the API."""
        texts = {
            "programId": self.program_id, "partnerId": self.partner_id, "status": self.status, "source": self.source,
            "currency": self.currency, "entity": self.entity, "actor": self.actor, "month": self.month,
            "from": self.since, "to": self.until,
        }  # fmt: skip
        return {name: text for name, text in texts.items() if text is not None}


class AccountsBody(Body):
    """What your books call each account of the ledger: a number, or for QuickBooks a name."""

    rewards: OwnAccount | None = None
    adjustments: OwnAccount | None = None
    write_offs: OwnAccount | None = None
    available: OwnAccount | None = None
    reserved: OwnAccount | None = None
    paid: OwnAccount | None = None

    def as_text(self) -> dict[str, str]:
        given = ((account, getattr(self, account.value)) for account in Account)
        return {f"account.{account}": text for account, text in given if text is not None}


class BooksBody(Body):
    """How your books are kept, for the format of their software. All but `taxRate` are for DATEV.

    `taxRate`: Xero's name of the rate that all lines get. `consultant`: the Beraternummer. `client`: the
    Mandantennummer. `accountLength`: how many digits its accounts have.
    """

    accounts: AccountsBody = AccountsBody()
    tax_rate: Annotated[Title, Field(min_length=1)] | None = None
    consultant: Annotated[int, Field(ge=1001, le=9_999_999)] | None = None
    client: Annotated[int, Field(ge=1, le=99_999)] | None = None
    fiscal_year_start: Day | None = None
    account_length: Annotated[int, Field(ge=4, le=8)] = 4

    def as_text(self, format: JournalFormat) -> dict[str, str]:
        told = {"format": format.value, **self.accounts.as_text()}
        if format is JournalFormat.XERO and self.tax_rate:
            told["taxRate"] = self.tax_rate
        if format is JournalFormat.DATEV:
            told |= {
                "consultant": str(self.consultant), "client": str(self.client),
                "fiscalYearStart": str(self.fiscal_year_start), "accountLength": str(self.account_length),
            }  # fmt: skip
        return told

    def check(self, format: JournalFormat, filters: ExportFilters) -> None:
        """Raise ValueError for what the software would refuse."""
        told = self.accounts.as_text()
        if format in (JournalFormat.XERO, JournalFormat.DATEV) and len(told) < len(Account):
            raise refused("books", "the number of each of the six accounts is needed")
        if format is JournalFormat.XERO and not self.tax_rate:
            raise refused("books", "taxRate is needed")
        if format is not JournalFormat.DATEV:
            return
        if not all(
            text.isascii() and text.isdigit() and len(text) <= self.account_length + 1 for text in told.values()
        ):
            raise refused("books", "accounts are numbers of accountLength digits, or one more")
        if not (self.consultant and self.client and self.fiscal_year_start):
            raise refused("books", "consultant, client and fiscalYearStart are needed")
        if not (filters.currency and filters.since and filters.until):
            raise refused("filters", "a currency, from and to are needed")
        start = date.fromisoformat(self.fiscal_year_start)
        end = start.replace(year=start.year + 1, day=min(start.day, 28))
        if not start <= date.fromisoformat(filters.since) <= date.fromisoformat(filters.until) < end:
            raise refused("filters", "from and to are in the fiscal year")


class NewExport(Body):
    """`what`: PARTNERS, REFERRALS, REWARDS, PAYMENTS, WITHDRAWALS, LEDGER, AUDIT; JOURNAL, the ledger as accounting
    software takes it; or MONTH_END, all tables of a closed month in one ZIP file.

    `format`, `books`: of a JOURNAL alone, whose software it is for and what your books call the accounts.
    """

    what: Annotated[ExportSubject, Capitals, Field(examples=["REWARDS"])]
    filters: ExportFilters = ExportFilters()
    format: Annotated[JournalFormat, Capitals] = JournalFormat.CSV
    books: BooksBody | None = None

    def as_text(self) -> dict[str, str]:
        """Filters and format, by their names in the API."""
        told = self.filters.as_text()
        if self.what is ExportSubject.JOURNAL:
            told |= (self.books or BooksBody()).as_text(self.format)
        return told

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.filters.given - FILTERS[self.what]:
            raise refused("filters", "one of them is not known of what is asked for")
        for name, values in _known(self.what).items() if self.filters.given & {"status", "source"} else ():
            if (given := getattr(self.filters, name)) and given not in values:
                raise refused("filters", f"there is no such {name} of these")
        if self.what is ExportSubject.AUDIT and len(self.filters.given & {"entity", "actor"}) != 1:
            raise refused("filters", "the audit of an entity or of an actor")
        if self.filters.since and self.filters.until and self.filters.since > self.filters.until:
            raise refused("filters", "from is not after to")
        if self.what is ExportSubject.MONTH_END and not self.filters.month:
            raise refused("filters", "month is needed")
        if self.what is ExportSubject.JOURNAL:
            (self.books or BooksBody()).check(self.format, self.filters)
        elif self.books or self.format is not JournalFormat.CSV:
            raise refused("format", "of the JOURNAL alone")
        return self


class JobView(View):
    """`status`: QUEUED, RUNNING, DONE, FAILED or CANCELLED. `done`: lines so far; `total`: of all, once it is
    known. `problem`: why it failed.
    """

    id: str
    status: JobStatus
    done: int
    total: int | None
    created_at: str
    finished_at: str | None
    problem: str | None


class ExportView(JobView):
    """`link`: gives the file to whoever has it, until `linkExpiresAt`; each read makes a new one.

    The file is there for seven days. Before it is made, and after that, there is no link.
    """

    what: ExportSubject
    format: str
    filters: dict[str, str]
    link: str | None
    link_expires_at: str | None

    @classmethod
    def of(cls, job: Job, link: str | None = None, expires_at_ms: int = 0) -> Self:
        return cls(
            **_common(job),
            what=job.what,
            format=job.format,
            filters={name: text for name, text in job.filters.items() if name != "format"},
            link=link,
            link_expires_at=iso(expires_at_ms) if link else None,
        )


class PartnersCsv(TextBody):
    """A head with firstName, lastName, email and, if you like, phone, companyName, programId; then a partner a line."""

    text: Annotated[str, Field(min_length=1)]


class ImportQuery(Query):
    """`dryRun=true`: only say what would become of each line."""

    dry_run: bool = False


class CountsView(View):
    """Lines so far, by what became of them."""

    created: int
    would_create: int
    duplicate: int
    invalid: int


class ImportView(JobView):
    dry_run: bool
    counts: CountsView

    @classmethod
    def of(cls, job: Job) -> Self:
        counts = {status.value.lower(): job.counts.get(status.value, 0) for status in LineStatus}
        return cls(**_common(job), dry_run=job.dry_run, counts=CountsView(**counts))


class ImportLineView(View):
    """`line`: where it begins in the file. `status`: CREATED, WOULD_CREATE, DUPLICATE or INVALID.

    `id`: of the partner who was made, or has the e-mail address already; `code`: of the one who was made.
    """

    line: int
    status: LineStatus
    id: str | None
    code: str | None
    message: str | None

    @classmethod
    def of(cls, line: ImportLine) -> Self:
        return cls(
            line=line.number, status=line.status, id=line.id or None, code=line.code or None,
            message=line.message or None,
        )  # fmt: skip


def _common(job: Job) -> dict[str, Any]:
    return {
        "id": job.id, "status": job.status.value, "done": job.done, "total": job.total,
        "created_at": iso(job.created_at_ms), "finished_at": iso(job.finished_at_ms) if job.finished_at_ms else None,
        "problem": job.problem or None,
    }  # fmt: skip
