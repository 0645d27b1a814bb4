"""The pages' texts: none is missing in any language, none is left over, every word of the API that is shown has one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest
from pydantic.alias_generators import to_camel

from refledger.domain.adjustments import AdjustmentKind, AdjustmentStatus
from refledger.domain.audit import AuditAction
from refledger.domain.currencies import EXPONENTS
from refledger.domain.explaining import NextStep
from refledger.domain.invitations import ApplicationStatus, InvitationStatus
from refledger.domain.jobs import ExportSubject, JobStatus, LineStatus
from refledger.domain.journal import Account, EntryKind
from refledger.domain.likeness import SignalType, TraitKind
from refledger.domain.loosening import TERMS, ChangeStatus, TermKind
from refledger.domain.partners import PartnerStatus
from refledger.domain.payments import DisputeStatus, Origin, PaymentKind
from refledger.domain.payout_gate import BlockerCode, Weight
from refledger.domain.people import PersonKind
from refledger.domain.periods import Interval
from refledger.domain.programs import CURRENCY_TERMS, ProgramStatus
from refledger.domain.referrals import ReferralSource, ReferralStatus
from refledger.domain.rewards import OWN_REASONS, Cancelled, RewardStatus
from refledger.domain.rules import RateSource, ZeroReason
from refledger.domain.timelines import HappeningKind
from refledger.domain.withdrawal_actions import WithdrawalAction
from refledger.domain.withdrawals import PayoutProblem, Risk, WithdrawalStatus
from refledger.entry.access import Role
from refledger.entry.models.payment_refunds import RefundStatus
from refledger.entry.models.program_changes import NAMES
from refledger.operations.figures.leaderboards import RankedBy
from refledger.operations.inbox import InboxKind
from refledger.store import keys

WEB = Path(__file__).parents[2] / "web" / "src"
LANGUAGES = ("en", "de")
APPS = ("console", "portal")
PARTS = sorted(
    path.relative_to(WEB / "texts").as_posix().removesuffix(".en.json") for path in (WEB / "texts").rglob("*.en.json")
)


def terms() -> list[str]:
    """What another admin may have to confirm, as the API calls it."""
    own = [NAMES.get(name, name) for name, row in TERMS.items() if row is not TermKind.FACT]
    return [to_camel(name) for name in (*own, *CURRENCY_TERMS)]


# by the prefix that `word()` asks for: the kinds whose every value is shown
WORDS: dict[str, Iterable[str]] = {
    "STATUS": [*WithdrawalStatus, *PartnerStatus, *RewardStatus], "REWARD": RewardStatus, "ROLE": Role,
    "RISK": [*Risk, *SignalType], "RISK_ABOUT": Risk, "BLOCKER": BlockerCode, "WEIGHT": Weight,
    "ACTION": WithdrawalAction, "ACTION_ABOUT": WithdrawalAction, "PROBLEM_OF": PayoutProblem,
    "PROBLEM_ABOUT": PayoutProblem, "INBOX": InboxKind, "INBOX_ABOUT": InboxKind, "SHARED": TraitKind,
    "REFERRAL": ReferralStatus, "SOURCE": ReferralSource, "HELD": OWN_REASONS, "CANCELLED": Cancelled,
    "NEXT": NextStep, "RATE": RateSource, "ZERO": ZeroReason, "KIND": PaymentKind, "ORIGIN": Origin,
    "REFUND": RefundStatus, "DISPUTE": DisputeStatus, "ADJUSTMENT": AdjustmentKind,
    "ADJUSTMENT_ABOUT": AdjustmentKind, "DECISION": AdjustmentStatus,
    "JOINING": [*ApplicationStatus, *InvitationStatus],
    "PROGRAM": ProgramStatus, "CHANGE": ChangeStatus, "TERM": terms(),
    "LEG": Account, "ENTRY": EntryKind, "DID": AuditAction, "INTERVAL": Interval,
    "TYPE": [*(keys.AUDITED - {"PROGRAMS"}), "PROGRAM_CHANGE", "PAYOUT_METHOD", "CODE", "NOTE", "ACCOUNT", "DOWNLOAD"],
    "PERSON": PersonKind, "EXPORT": ExportSubject, "EXPORT_ABOUT": ExportSubject, "JOB": JobStatus, "LINE": LineStatus,
    "RANKED": RankedBy,
    "HAPPENED": [*WithdrawalStatus, *(kind for kind in HappeningKind if kind is not HappeningKind.STATUS)],
}  # fmt: skip


def catalog(part: str, language: str) -> dict[str, str]:
    told: dict[str, str] = json.loads((WEB / "texts" / f"{part}.{language}.json").read_text("utf-8"))
    return told


def catalogs_list() -> str:
    return (WEB / "texts" / "catalogs.ts").read_text("utf-8")


def asked_for(file: Path, seen: set[Path]) -> set[str]:
    """The texts that a module and those beside it that it imports ask for by name."""
    seen.add(file)
    source = file.read_text("utf-8")
    keys = set(re.findall(r'\b(?:t|many)\(\s*"(\w+)"', source))
    for name in re.findall(r'from "\./([\w-]+)"', source):
        beside = next((path for end in ("tsx", "ts") if (path := file.with_name(f"{name}.{end}")).is_file()), None)
        if beside and beside not in seen:
            keys |= asked_for(beside, seen)
    return keys


def sources() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(WEB.rglob("*.ts*")) if path.name != "schema.d.ts")


@pytest.mark.parametrize("part", PARTS)
def test_every_language_says_the_same(part: str) -> None:
    """The same keys, in the same order, none empty, each with the same values to be filled in."""
    first, *others = (catalog(part, language) for language in LANGUAGES)
    for other in others:
        assert list(other) == list(first)
        for key, text in first.items():
            assert other[key].strip(), key
            assert set(re.findall(r"{\w+}", other[key])) == set(re.findall(r"{\w+}", text)), key


def test_every_catalog_is_complete_and_typed() -> None:
    """In each language, and in the list by which an unknown text is an error when the pages are built."""
    for language in LANGUAGES:
        files = {path.relative_to(WEB / "texts").as_posix() for path in (WEB / "texts").rglob(f"*.{language}.json")}
        assert files == {f"{part}.{language}.json" for part in PARTS}
    typed = dict(re.findall(r'^  "?([\w/-]+)"?: typeof import\("\./(.+)\.en\.json"\);$', catalogs_list(), re.M))
    assert typed == {part: part for part in PARTS}


@pytest.mark.parametrize("app", APPS)
def test_catalogs_that_are_loaded_together_agree(app: str) -> None:
    """All that an app has loaded is one book of words: a key in two catalogs says the same in both."""
    for language in LANGUAGES:
        texts: dict[str, str] = {}
        for part in ("shared", app, *(each for each in PARTS if each.startswith(f"{app}/"))):
            for key, text in catalog(part, language).items():
                assert texts.setdefault(key, text) == text, f"{part}.{language}: {key}"


@pytest.mark.parametrize("app", APPS)
def test_a_screen_has_the_texts_that_it_asks_for(app: str) -> None:
    """Those of both apps, those of its own, and those of the catalog that its line in the table of screens names."""
    main = (WEB / app / "main.tsx").read_text("utf-8")
    always = {*catalog("shared", "en"), *catalog(app, "en")}
    missing = {}
    for entry in re.findall(r"\{\s*path: .*?\}", main, re.DOTALL):
        loads = re.findall(r'import\("\./([\w-]+)"\)', entry)
        texts = re.findall(r'texts: "([^"]+)"', entry)
        mine = always.union(*(catalog(name, "en") for name in texts))
        for name in loads:
            wanted = asked_for(WEB / app / f"{name}.tsx", set())
            missing[f"{app}/{name}"] = {key for key in wanted if not mine & {key, f"{key}_other"}}
    assert {name: keys for name, keys in missing.items() if keys} == {}
    assert missing, "no screen was found"


def test_every_word_of_the_api_has_a_text() -> None:
    """A new status, risk or action fails here until somebody says what it is."""
    known = {key for part in PARTS for key in catalog(part, "en")}
    wanted = {f"{prefix}_{value}" for prefix, values in WORDS.items() for value in values}
    assert wanted - known == set()


def test_no_text_is_left_over() -> None:
    """Each is asked for by name, or by the prefix of a kind of words."""
    named = set(re.findall(r'"(\w+)"', sources()))
    prefixes = ("HAPPENED_", *(f"{name}_" for name in re.findall(r'word\("(\w+)"', sources())))
    for part in PARTS:
        for key in catalog(part, "en"):
            plain = re.sub(r"_(one|other)$", "", key)
            assert key in named or plain in named or key.startswith(prefixes), key


def test_one_and_many_go_together() -> None:
    """A language's rules of number find both forms."""
    for part in PARTS:
        for language in LANGUAGES:
            keys = set(catalog(part, language))
            ones = {key.removesuffix("_one") for key in keys if key.endswith("_one")}
            assert ones == {key.removesuffix("_other") for key in keys if key.endswith("_other")}


def test_amounts_are_typed_with_the_decimals_of_the_api() -> None:
    """A browser's own table says that the afghani has none, and a hundredfold would be asked for."""
    source = (WEB / "shared" / "currencies.ts").read_text("utf-8")
    told = {name: codes.split() for name, codes in re.findall(r'const (\w+) = "([A-Z ]+)"', source)}
    assert {code for code, digits in EXPONENTS.items() if digits == 0} == set(told["NONE"])
    assert {code for code, digits in EXPONENTS.items() if digits == 3} == set(told["THREE"])
    assert set(EXPONENTS.values()) == {0, 2, 3}
