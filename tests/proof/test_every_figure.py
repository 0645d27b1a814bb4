"""Every report and every file against the independent model (tests/support/model.py), after months of random life.

A long run: `make simulate` (FIGURE_HISTORIES of FIGURE_STEPS steps each).
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from refledger.domain.currencies import exponent
from refledger.entry import statement_files, statement_pdf
from tests.support import answers, model
from tests.support.answers import Period
from tests.support.business import CURRENCIES, Business, business, live
from tests.support.model import EVER, MINUTE, Partner, Program, day_of, midnight

HISTORIES, STEPS = int(os.environ.get("FIGURE_HISTORIES", "1")), int(os.environ.get("FIGURE_STEPS", "50"))

DIGITS = {"JPY": 0, "KWD": 3}
FIRST = int(os.environ.get("FIGURE_FIRST", "0"))


@dataclass
class Comparison:
    """What the deployment answers, and what the model does; all that differs."""

    business: Business
    compared: int = 0
    differs: list[str] = field(default_factory=list)

    def same(self, what: str, told: Any, wanted: Any) -> None:
        self.compared += 1
        plain, due = _without_decimals(told), _without_decimals(wanted)
        self.differs += [f"{what}{place}: {got}, not {right}" for place, got, right in _differences(plain, due)]

    def part(self, what: str, told: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Of an answer only what the model knows of."""
        self.same(what, {name: told.get(name) for name in wanted}, wanted)

    # ------------------------------------------------------------ periods

    @property
    def today(self) -> date:
        return day_of(self.business.now)

    def months(self) -> list[tuple[date, date]]:
        """All months of the history."""
        found, first = [], day_of(self.business.model.partners[0].made).replace(day=1)
        while first <= self.today:
            after = (first + timedelta(days=32)).replace(day=1)
            found.append((first, after - timedelta(days=1)))
            first = after
        return found

    def periods(self) -> list[Period]:
        """All time, months, single days at their edges, and a few that lie anywhere."""
        months, chosen = self.months(), self.business.chosen
        whole = months[0][0], min(months[-1][1], months[0][0] + timedelta(days=365))
        edges = [(last, last) for _, last in months] + [(first, first) for first, _ in months]
        length = (whole[1] - whole[0]).days
        starts = [whole[0] + timedelta(days=chosen.randrange(length)) for _ in range(3)]
        anywhere = [(day, day + timedelta(days=chosen.randrange(length))) for day in starts]
        return [None, whole, *months, *chosen.sample(edges, 3), *anywhere]

    # ------------------------------------------------------------ reports

    def programs(self) -> None:
        read, known = self.business.read, self.business.model
        for program in known.programs.values():
            path = {"programId": program.id}
            for period in self.periods():
                query = _dates(period)
                found, name = answers.in_program(known, program, period), f"{program.id} {query}"
                route = "GET /api/v1/programs/{programId}/statistics"
                whole = self.business.staff(route, path=path, query=query)
                self.part(f"statistics {name}", whole, answers.program_figures(found, period))
                told = {**path, **query}
                for what in ("partners", "referrals", "rewards"):
                    wanted = answers.program_figures(found, period)[what]
                    self.part(f"{what} {name}", read(f"/{what}/statistics", **told), wanted)
                self.same(f"sources {name}", read("/referrals/sources", **told)["data"], answers.sources(found, period))
                self.part(f"funnel {name}", read("/referrals/funnel", **told), answers.funnel(known, program, period))
                took = read("/analytics/time-to-convert", **told)
                self.part(f"time to convert {name}", took, answers.time_to_convert(found, period))
                self.trends(program, period)
            lately = self.today - timedelta(days=29), self.today
            overview = read("/analytics/overview", **path)
            for part, period in (("allTime", None), ("last30Days", lately)):
                wanted = answers.program_figures(answers.in_program(known, program, period), period)
                self.part(f"overview {part} {program.id}", overview[part], wanted)
            for year in {first.year for first, _ in self.months()}:
                told = read("/analytics/cohorts", **path, year=str(year))
                self.same(f"cohorts {program.id} {year}", told["data"], answers.cohorts(known, program, year))
            wanted = answers.forecast(known, program, self.today)
            self.part(f"forecast {program.id}", read("/analytics/forecast", **path), wanted)

    def trends(self, program: Program, period: tuple[date, date] | None) -> None:
        """By an interval of chance; without a period the latest ones."""
        interval = self.business.chosen.choice(("DAY", "WEEK", "MONTH"))
        told = {"programId": program.id, "interval": interval, **_dates(period)}
        points: dict[str, Callable[[answers.Counts], dict[str, Any]]] = {
            "referrals": answers.referral_point, "rewards": answers.reward_point,
        }  # fmt: skip
        spans = answers.buckets(period or answers.latest(self.today, interval), interval)
        for what, point in points.items():
            data = self.business.read(f"/{what}/trends", **told)["data"]
            cut = [{"from": first.isoformat(), "to": last.isoformat(), "cut": cut} for first, last, cut in spans]
            self.same(f"{what} trend {told}", [{name: each[name] for name in cut[0]} for each in data], cut)
            for got, (first, last, _) in zip(data, spans, strict=False):
                wanted = point(answers.in_program(self.business.model, program, (first, last)))
                self.part(f"{what} trend {told} {first}", got, wanted)

    def partners(self) -> None:
        known, staff = self.business.model, self.business.staff
        last = (self.today.replace(day=1) - timedelta(days=1)).replace(day=1)
        for partner in known.partners:
            path = {"partnerId": partner.id}
            ever = answers.partner_figures(answers.in_partner(known, partner, None), None)
            card = staff("GET /api/v1/analytics/scorecards/{partnerId}", path=path)
            self.part(f"scorecard of {partner.name}", card, {
                "allTime": ever, "status": partner.status.now, "tier": partner.label or None,
                "thisMonth": self._in(partner, (self.today.replace(day=1), self.today)),
                "lastMonth": self._in(partner, (last, self.today.replace(day=1) - timedelta(days=1))),
            })  # fmt: skip
            for period in self.business.chosen.sample(self.months(), 1):
                told = staff(
                    "GET /api/v1/partners/{partnerId}/statistics", path=path, query=_dates(period)
                )  # fmt: skip
                self.same(f"statistics of {partner.name}", told["allTime"], ever)
                own = self.business.deployed.call(
                    "GET /api/v1/me/performance", sub=partner.name, query=_dates(period)
                )  # fmt: skip
                self._own(f"own performance of {partner.name}", own.body["allTime"], ever)
                got = {each.pop("date"): each for each in told["days"]}
                for day in model.days(*period):
                    wanted = self._in(partner, (day, day))
                    shown = got.get(day.isoformat())
                    names = ("referrals", "conversions", "payments", "revenue", "earned", "givenByHand")
                    wanted = {name: wanted[name] for name in names}
                    if shown or any(wanted.values()):
                        self.same(f"{partner.name} on {day}", shown, wanted)
            (main,) = staff("GET /api/v1/partners/{partnerId}/links", path=path)["data"]
            main["clicks"] = {name: main["clicks"][name] for name in ("total", "bySource")}
            self.part(f"links of {partner.name}", main, answers.links(known, partner))
            self.mine(partner)

    def _own(self, what: str, told: dict[str, Any], wanted: dict[str, Any]) -> None:
        for amounts in (told["revenue"], told["earned"]):
            for each in amounts:
                each.pop("amountDecimal")
        self.same(what, told, {name: wanted[name] for name in told})

    def _in(self, partner: Partner, period: Period) -> dict[str, Any]:
        return answers.partner_figures(answers.in_partner(self.business.model, partner, period), period)

    def mine(self, partner: Partner) -> None:
        """What partners see of themselves."""
        known = self.business.model
        found = answers.in_partner(known, partner, None)
        for route in ("GET /api/v1/referrals/stats", "GET /api/v1/me/statistics"):
            told = self.business.deployed.call(route, sub=partner.name).body
            tiers = {1: told["tier1"], 2: told["tier2"], **{int(n): t for n, t in told["deeperTiers"].items()}}
            for tier, view in tiers.items():
                earned = answers.money(found, "tier", str(tier))
                wanted = {"referrals": found["customers", str(tier)], "earnings": earned}
                view["earnings"] = [each for each in view["earnings"] if each["amount"]]
                self.part(f"{route} {partner.name} tier {tier}", view, wanted)
            self.same(f"{route} {partner.name} over", told["overCap"], answers.money(found, "over"))
            self.same(f"{route} {partner.name} by hand", told["givenByHand"], answers.money(found, "hand"))
            self._balances(f"{route} {partner.name}", partner, found, told["balances"])
        own = self.business.deployed.call("GET /api/v1/me/balance", sub=partner.name).body["data"]
        self._balances(f"me/balance {partner.name}", partner, found, own)

    def _balances(self, what: str, partner: Partner, found: answers.Counts, told: list[dict[str, Any]]) -> None:
        got = {each["currency"]: each for each in told}
        for currency in CURRENCIES:
            wanted = {**self.business.model.holds(partner, currency), "pending": found["pending", currency]}
            empty = dict.fromkeys(wanted, 0)
            shown = {name: n for name, n in got.get(currency, empty).items() if name in wanted}
            self.same(f"{what} {currency}", shown, wanted)

    def boards(self) -> None:
        for program in self.business.model.programs.values():
            for month in (None, *self.months()):
                name = f"{month[0]:%Y-%m}" if month else "ALL"
                for metric in ("REVENUE", "REWARDS", "CONVERSIONS"):
                    for currency in CURRENCIES:
                        told = self.business.read(
                            "/partners/top", programId=program.id, by=metric, month=name, currency=currency, limit="100"
                        )
                        rows = [(row["rank"], row["partnerId"], row["value"]) for row in told["data"]]
                        wanted = answers.board(self.business.model, program, metric, currency, month)
                        self.same(f"board {program.id} {metric} {currency} {name}", rows, wanted)

    # ------------------------------------------------------------ money

    def books(self) -> None:
        known, read = self.business.model, self.business.read
        days = [*(last for _, last in self.months()), self.today - timedelta(days=1)]
        for as_of in (None, *days):
            query = {"asOf": as_of.isoformat()} if as_of else {}
            before = midnight(as_of + timedelta(days=1)) if as_of else EVER
            wanted = answers.trial_balance(known, before)
            told = read("/ledger/trial-balance", **query)["data"]
            got = {
                each["currency"]: {
                    row["account"]: (row["debit"], row["credit"])
                    for row in each["accounts"] if row["debit"] or row["credit"]
                } for each in told
            }  # fmt: skip
            self.same(f"trial balance {query}", {c: rows for c, rows in got.items() if rows}, wanted)
            kinds = {(each["currency"], row["kind"]): row["amount"] for each in told for row in each["kinds"]}
            wanted_kinds = dict(answers.moved(known, before))
            self.same(f"kinds {query}", {k: n for k, n in kinds.items() if n}, wanted_kinds)
            assert all(each["balanced"] for each in told)
        for period in self.periods():
            told = read("/payouts/summary", **_dates(period))
            self.same(f"payouts {_dates(period)}", told["data"], answers.payouts(known, period))

    def statements(self) -> None:
        """Month by month: opening + movements = closing, and one month's closing is the next one's opening."""
        for partner in self.business.model.partners:
            last: dict[str, Any] = {}
            for first, end in self.months():
                name = f"{first:%Y-%m}"
                path = {"partnerId": partner.id, "month": name}
                told = self.business.staff("GET /api/v1/partners/{partnerId}/statements/{month}", path=path)
                if self.business.chosen.random() < 0.2:
                    self._as_table(path, told)
                for account in told["accounts"]:
                    self._account(partner, account, first, end, last)
                    last[account["currency"]] = account["closing"]

    def _as_table(self, path: dict[str, str], told: dict[str, Any]) -> None:
        """The same as a table, and from the partner's own side, to the last digit."""
        name = next(each.name for each in self.business.model.partners if each.id == path["partnerId"])
        own = "GET /api/v1/me/statements/{month}"
        mine = self.business.deployed.call(own, sub=name, path={"month": path["month"]}).body
        self.same(f"statement of {name} by themselves", mine["accounts"], told["accounts"])
        table = self.business.staff(
            "GET /api/v1/partners/{partnerId}/statements/{month}", path=path, query={"format": "CSV"}
        )  # fmt: skip
        rows = [row for row in _table(table.encode() if isinstance(table, str) else table) if row["kind"] in model.LEGS]
        got = [
            [row["currency"], row["kind"], *(_minor(row[f"{a}{when}"], row["currency"])
             for when in ("", "After") for a in ("available", "reserved", "paid"))] for row in rows
        ]  # fmt: skip
        wanted = [
            [account["currency"], each["kind"], *(each[when][a] for when in ("change", "after")
             for a in ("available", "reserved", "paid"))]
            for account in told["accounts"] for each in account["movements"]
        ]  # fmt: skip
        self.same(f"statement of {name} as a table", got, wanted)

    def _account(
        self, partner: Partner, account: dict[str, Any], first: date, end: date, last: dict[str, Any]
    ) -> None:  # fmt: skip
        known, currency = self.business.model, account["currency"]
        since, until = answers.span((first, end))
        what = f"statement {partner.name} {currency} {first:%Y-%m}"
        self._decimals(what, currency, account["opening"], account["closing"], *account["totals"])
        self.same(f"{what} opening", account["opening"], known.holds(partner, currency, since))
        self.same(f"{what} closing", account["closing"], known.holds(partner, currency, until))
        self.same(f"{what} goes on", account["opening"], last.get(currency, account["opening"]))
        sums = Counter(account["opening"])
        for movement in account["movements"]:
            self._decimals(what, currency, movement["change"], movement["after"])
            sums.update(movement["change"])
            self.same(f"{what} after", movement["after"], dict(sums))
            self.same(f"{what} reference", movement["transactionId"], _reference(movement))
        self.same(f"{what} adds up", dict(sums), account["closing"])
        totals = {each["kind"]: each["amount"] for each in account["totals"] if each["amount"]}
        wanted: Counter[str] = Counter()
        for entry in known.entries:
            if entry.partner is partner and entry.currency == currency and since <= entry.ms < until:
                wanted[entry.kind] += entry.amount
        self.same(f"{what} totals", totals, dict(wanted))

    def _decimals(self, what: str, currency: str, *places: dict[str, Any]) -> None:
        """Each amount once more in major units; what is compared afterwards are the minor ones alone."""
        for place in places:
            for name in [each for each in place if each.endswith("Decimal")]:
                text, amount = place.pop(name), place[name.removesuffix("Decimal")]
                told = (_minor(text, currency), _places(text)) if text is not None else (None, 0)
                due = (amount, DIGITS.get(currency, 2)) if amount is not None else (None, 0)
                self.same(f"{what} {name}", told, due)

    def printed(self) -> None:
        """A month on paper: the rows that are printed are those of the answer."""
        partner = self.business.chosen.choice(self.business.model.partners)
        path = {"partnerId": partner.id, "month": f"{self.business.chosen.choice(self.months())[0]:%Y-%m}"}
        route, rows = "GET /api/v1/partners/{partnerId}/statements/{month}", list[tuple[str, ...]]()
        told = self.business.staff(route, path=path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(statement_files, "kept", lambda *given: given[-1]())
            patch.setattr(statement_pdf, "_row", lambda _, cells: rows.append(cells))
            assert self.business.staff(route, path=path, query={"format": "PDF"}).startswith(b"%PDF-")
        got = [list(cells[3:]) for cells in rows if cells != statement_pdf.HEAD]
        wanted = [
            [*(held[f"{a}Decimal"] for a in ("available", "reserved", "paid")), after["availableDecimal"]]
            for account in told["accounts"] for held, after in (
                (account["opening"], account["opening"]),
                *((each["change"], each["after"]) for each in account["movements"]),
                (account["closing"], account["closing"]),
            )
        ]  # fmt: skip
        self.same(f"statement of {partner.name} {path['month']} on paper", got, wanted)

    # ------------------------------------------------------------ lists, page by page

    def lists(self) -> None:
        """Every row once, however small the pages are."""
        known, size = self.business.model, str(self.business.chosen.randrange(2, 9))

        def rows(path: str, *names: str, **query: str) -> list[list[Any]]:
            found = list(self.business.pages(f"GET /api/v1/{path}", query={"limit": size, **query}))
            for row in found:
                if "currency" in row:
                    self._decimals(path, row["currency"], row)
            return sorted(([row[name] for name in names] for row in found), key=str)

        self.same(
            "list of partners", rows("partners", "id", "status"), sorted([p.id, p.status.now] for p in known.partners)
        )
        due: list[list[Any]]
        for program in known.programs.values():
            of_it, name = {"programId": program.id}, f"list of {program.id}'s"
            due = [[r.id, r.status.now] for r in known.referrals if r.program is program]
            self.same(f"{name} referrals", rows("referrals", "id", "status", **of_it), sorted(due, key=str))
            told = [row for row in rows("payments", "externalId", "amount", "base", "currency", **of_it) if row[0]]
            due = [
                [p.name, p.amount, p.base, p.currency] for p in known.payments.values()
                if p.program is program and p.origin != "BY_HAND"
            ]  # fmt: skip
            self.same(f"{name} payments", [row for row in told if row[0] in known.payments], sorted(due, key=str))
        for partner in self.business.chosen.sample(known.partners, 3):
            whose = {"partnerId": partner.id}
            due = [
                [r.tier, r.state.now.status, r.amount, r.state.now.net] for r in known.rewards if r.partner is partner
            ]
            got = rows("rewards", "tier", "status", "amount", "net", **whose)
            self.same(f"list of {partner.name}'s rewards", got, sorted(due, key=str))
            due = [[w.status.now, w.amount, w.currency] for w in known.withdrawals if w.partner is partner]
            got = rows("withdrawals", "status", "amount", "currency", **whose)
            self.same(f"list of {partner.name}'s withdrawals", got, sorted(due, key=str))
            sums: Counter[tuple[str, str]] = Counter()
            for kind, currency, amount in rows("ledger/entries", "kind", "currency", "amount", **whose):
                sums[kind, currency] += amount
            entries: Counter[tuple[str, str]] = Counter()
            for entry in known.entries:
                if entry.partner is partner:
                    entries[entry.kind, entry.currency] += entry.amount
            self.same(f"list of {partner.name}'s entries", {k: n for k, n in sums.items() if n}, dict(entries))

    def audited(self) -> None:
        """What the audit's file says of a partner's and a withdrawal's status is what they went through."""
        chosen = self.business.chosen
        for partner in chosen.sample(self.business.model.partners, 2):
            self._went_through(partner.name, partner.id, [value for _, value in partner.status._steps])
        asked = [each for each in self.business.model.withdrawals if each.id]
        for made in chosen.sample(asked, min(2, len(asked))):
            steps = [value for _, value in made.status._steps]
            self._went_through(f"withdrawal {made.id}", made.id, steps, but=("APPROVED",))

    def _went_through(self, what: str, entity: str, steps: list[str], but: tuple[str, ...] = ()) -> None:
        rows = [row for row in self._rows("AUDIT", None, entity=entity) if row["field"] == "status"]
        rows.sort(key=lambda row: row["at"])
        self.same(f"audit of {what}", [row["after"] for row in rows if row["after"] not in but], steps)

    # ------------------------------------------------------------ files

    def files(self) -> None:
        """Each kind of export: whole, and some days of it."""
        known = self.business.model
        for period in (None, self.business.chosen.choice(self.months())):
            since, until = answers.span(period)
            payments = {
                p.name: [p.origin, p.amount, p.base, sum(p.refunds.values()), _disputed(p, ""), _disputed(p, "LOST")]
                for p in known.payments.values() if since <= p.told < until
            }  # fmt: skip
            names = {*known.payments, *known.nobodys}
            rows = [row for row in self._rows("PAYMENTS", period) if (row["externalId"] or row["id"]) in names]
            columns = ("origin", "amount", "base", "refunded", "disputed", "lost")
            got = {
                row["externalId"] or row["id"]: [row["origin"], *(int(row[name]) for name in columns[1:])]
                for row in rows if (row["externalId"] or row["id"]) in known.payments
            }  # fmt: skip
            self.same(f"file of payments {_dates(period)}", got, payments)
            rewards = {
                f"{r.payment.name} {r.tier}": [r.partner.id, r.state.now.status, r.amount, r.state.now.net, r.currency]
                for r in known.rewards if since <= r.payment.occurred < until
            }  # fmt: skip
            got = {
                f"{row['externalPaymentId'] or row['paymentId']} {row['tier']}": [
                    row["partnerId"], row["status"], int(row["amount"]), int(row["net"]), row["currency"]
                ] for row in self._rows("REWARDS", period)
            }  # fmt: skip
            self.same(f"file of rewards {_dates(period)}", got, rewards)
            got = {row["id"]: [row["status"], row["source"]] for row in self._rows("REFERRALS", period)}
            wanted = {r.id: [r.status.now, r.source] for r in known.referrals if since <= r.made < until}
            self.same(f"file of referrals {_dates(period)}", got, wanted)
            got = {row["id"]: [row["status"], row["tier"]] for row in self._rows("PARTNERS", period)}
            wanted = {p.id: [p.status.now, p.label] for p in known.partners if since <= p.made < until}
            self.same(f"file of partners {_dates(period)}", got, wanted)
            of_each = ("partnerId", "currency", "status", "amount")
            asked = sorted([row[name] for name in of_each] for row in self._rows("WITHDRAWALS", period))
            due = [w for w in known.withdrawals if since <= w.made < until]
            all_asked = sorted([w.partner.id, w.currency, w.status.now, str(w.amount)] for w in due)
            self.same(f"file of withdrawals {_dates(period)}", asked, all_asked)
            self._entries(period)
        self._packs()

    def _rows(self, what: str, period: Period, **filters: str) -> list[dict[str, str]]:
        return _table(self.business.file(what, **_dates(period), **filters))

    def _entries(self, period: Period) -> None:
        """The ledger and the journal have the same entries, and debits are credits."""
        since, until = answers.span(period)
        wanted: Counter[tuple[str, ...]] = Counter()
        legs: Counter[tuple[str, ...]] = Counter()
        for entry in self.business.model.entries:
            if since <= entry.ms < until:
                wanted[entry.partner.id, entry.currency, entry.kind] += entry.amount
                for side, account in zip(("debit", "credit"), model.LEGS[entry.kind], strict=True):
                    legs[entry.currency, account, side] += entry.amount
        got: Counter[tuple[str, ...]] = Counter()
        for row in self._rows("LEDGER", period):
            got[row["partnerId"], row["currency"], row["kind"]] += int(row["amount"])
        self.same(f"file of the ledger {_dates(period)}", dict(+got), dict(wanted))
        self.same(f"file of the journal {_dates(period)}", dict(+_legs(self._rows("JOURNAL", period))), dict(legs))

    def _packs(self) -> None:
        """A month that is closed: openings, movements and closings, and the same in the trial balance."""
        known = self.business.model
        closed = [each for each in self.months()[:-1] if answers.span(each)[1] + 15 * MINUTE <= self.business.now]
        for first, last in closed[-2:]:
            since, until = answers.span((first, last))
            with zipfile.ZipFile(io.BytesIO(self.business.file("MONTH_END", month=f"{first:%Y-%m}"))) as pack:
                tables = {name: _table(pack.read(name)) for name in pack.namelist() if name.endswith(".csv")}
            got = {(row["partnerId"], row["currency"]): row for row in tables["statements.csv"]}
            for partner in known.partners:
                for currency in CURRENCIES:
                    row = got.get((partner.id, currency))
                    for name, moment in (("opening", since), ("closing", until)):
                        held = known.holds(partner, currency, moment)
                        shown = {a: _minor(row[f"{name}{a.title()}"], currency) if row else 0 for a in held}
                        if row or name == "closing":
                            due = held if row else dict.fromkeys(held, 0)
                            self.same(f"pack {first:%Y-%m} {name} of {partner.name} {currency}", shown, due)
                    moved = [e for e in known.entries if e.partner is partner and e.currency == currency]
                    if not row:
                        self.same(
                            f"pack {first:%Y-%m}: {partner.name}", [e for e in moved if since <= e.ms < until], []
                        )
            self._went_out(f"{first:%Y-%m}", tables, [e for e in known.entries if since <= e.ms < until])
            legs: Counter[tuple[str, ...]] = Counter()
            for row in tables["trial-balance.csv"]:
                for side, column in (("debit", "debits"), ("credit", "credits")):
                    if row["account"] in ("all", "owner"):
                        continue
                    legs[row["currency"], row["account"], side] += _minor(row[column], row["currency"])
            self.same(f"pack {first:%Y-%m}: journal", dict(+_legs(tables["journal.csv"])), dict(+legs))
            months = [e for e in known.entries if since <= e.ms < until]
            debits = Counter[tuple[str, str]]()
            for entry in months:
                debits[entry.currency, model.LEGS[entry.kind][0]] += entry.amount
            debited = {name[:2]: n for name, n in legs.items() if name[2] == "debit" and n}
            self.same(f"pack {first:%Y-%m}: debits", debited, dict(debits))

    def _went_out(self, month: str, tables: dict[str, list[dict[str, str]]], entries: list[model.Entry]) -> None:
        """Payouts of a pack are the entries that paid, with who decided; what is owed is what statements close with."""
        paid, due = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for row in tables["payouts.csv"]:
            paid[row["partnerId"], row["currency"]] += _minor(row["amount"], row["currency"])
            self.same(
                f"pack {month}: who paid {row['withdrawalId']}", bool(row["paidBy"] and row["transactionId"]), True
            )
        for entry in entries:
            sign = {"SETTLE": 1, "PAY": 1, "RETURN": -1}.get(entry.kind, 0)
            due[entry.partner.id, entry.currency] += sign * entry.amount
        same = [{place: n for place, n in sums.items() if n} for sums in (paid, due)]
        self.same(f"pack {month}: payouts", *same)
        closing = {
            (row["partnerId"], row["currency"]): sum(
                Decimal(row[f"closing{account}"]) for account in ("Available", "Reserved")
            ) for row in tables["statements.csv"]
        }  # fmt: skip
        owed = {(row["partnerId"], row["currency"]): row for row in tables["liabilities.csv"]}
        for place, held in closing.items():
            owes = owed.get(place, {"owed": "0", "debt": "0"})
            told = Decimal(owes["owed"]) - Decimal(owes["debt"])
            self.same(f"pack {month}: what is owed to {place}", told, held)

    def all(self) -> None:
        self.programs()
        self.partners()
        self.boards()
        self.books()
        self.statements()
        self.printed()
        self.lists()
        self.files()
        self.audited()


def _table(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def _minor(text: str, currency: str) -> int:
    """Major units, as files have them, in minor ones."""
    return int(Decimal(text or "0").scaleb(DIGITS.get(currency, 2)))


def _places(text: str) -> int:
    return len(text.partition(".")[2])


def _reference(movement: dict[str, Any]) -> str | None:
    """What the bank calls it: of what was paid, or came back; told when it is paid, and kept."""
    if movement["count"] > 1 or movement["kind"] not in ("SETTLE", "RETURN"):
        return movement["transactionId"] if movement["kind"] == "PAY" else None
    return f"bank-mark-paid-{movement['reference']}"


def _legs(journal: list[dict[str, str]]) -> Counter[tuple[str, ...]]:
    """What accounts were debited and credited."""
    sums: Counter[tuple[str, ...]] = Counter()
    for row in journal:
        for side in ("debit", "credit"):
            sums[row["currency"], row["account"], side] += _minor(row[side], row["currency"])
    return sums


def _disputed(payment: model.Payment, end: str) -> int:
    return sum(amount for amount, ended in payment.disputes.values() if ended == end)


def _without_decimals(told: Any) -> Any:
    """The same in minor units alone, of which each decimal is the text."""
    if isinstance(told, list):
        return [_without_decimals(each) for each in told]
    if not isinstance(told, dict):
        return told
    decimals = [name for name in told if str(name).endswith("Decimal") and "currency" in told]
    for name in decimals:
        if (minor := told[name.removesuffix("Decimal")]) is not None:
            assert Decimal(told[name]).scaleb(exponent(told["currency"])) == minor, told
    return {name: _without_decimals(value) for name, value in told.items() if name not in decimals}


def _differences(told: Any, wanted: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two answers differ, what the one says there, and what the other."""
    if isinstance(told, dict) and isinstance(wanted, dict):
        for name in sorted({*told, *wanted}, key=str):
            yield from _differences(told.get(name), wanted.get(name), f"{place}.{name}")
    elif isinstance(told, list) and isinstance(wanted, list) and len(told) == len(wanted):
        for number, (got, due) in enumerate(zip(told, wanted, strict=True)):
            yield from _differences(got, due, f"{place}[{number}]")
    elif told != wanted:
        yield place, told, wanted


def _dates(period: Period) -> dict[str, str]:
    return {"from": period[0].isoformat(), "to": period[1].isoformat()} if period else {}


@pytest.mark.parametrize("seed", range(FIRST, FIRST + HISTORIES))
def test_every_figure_is_what_the_model_says(dynamodb_endpoint: str, seed: int) -> None:
    """After months of random life all reports and files say what the documents say that they should; and they do so
    again after all events came once more, in any order, and after every figure was made anew.
    """
    with business(dynamodb_endpoint, seed) as made:
        live(made, STEPS)
        _compare(made, "")
        made.is_told_again()
        _compare(made, "after all events came again, in any order")
        made.statistics_are_rebuilt()
        _compare(made, "after a rebuild")
        assert made.deployed.world.books.faults() == []


def _compare(business: Business, when: str) -> None:
    compared = Comparison(business)
    compared.all()
    if compared.differs:
        heading = f"{len(compared.differs)} of {compared.compared} differ {when}"
        pytest.fail("\n".join([heading, *compared.differs[:40], *business.log]), pytrace=False)
