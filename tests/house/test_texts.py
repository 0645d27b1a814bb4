"""The pages' texts: none is missing in any language, none is left over, every word of the API that is shown has one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from refledger.domain.likeness import SignalType, TraitKind
from refledger.domain.partners import PartnerStatus
from refledger.domain.payout_gate import BlockerCode, Weight
from refledger.domain.rewards import RewardStatus
from refledger.domain.timelines import HappeningKind
from refledger.domain.withdrawal_actions import WithdrawalAction
from refledger.domain.withdrawals import PayoutProblem, Risk, WithdrawalStatus
from refledger.entry.access import Role
from refledger.operations.inbox import InboxKind

WEB = Path(__file__).parents[2] / "web" / "src"
LANGUAGES = ("en", "de")
PARTS = ("shared", "console", "portal")
# by the prefix that `word()` asks for: the kinds whose every value is shown
WORDS: dict[str, Iterable[str]] = {
    "STATUS": [*WithdrawalStatus, *PartnerStatus, *RewardStatus], "REWARD": RewardStatus, "ROLE": Role,
    "RISK": [*Risk, *SignalType], "RISK_ABOUT": Risk, "BLOCKER": BlockerCode, "WEIGHT": Weight,
    "ACTION": WithdrawalAction, "ACTION_ABOUT": WithdrawalAction, "PROBLEM_OF": PayoutProblem,
    "PROBLEM_ABOUT": PayoutProblem, "INBOX": InboxKind, "INBOX_ABOUT": InboxKind, "SHARED": TraitKind,
    "HAPPENED": [*WithdrawalStatus, *(kind for kind in HappeningKind if kind is not HappeningKind.STATUS)],
}  # fmt: skip


def catalog(part: str, language: str) -> dict[str, str]:
    told: dict[str, str] = json.loads((WEB / "texts" / f"{part}.{language}.json").read_text("utf-8"))
    return told


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
