"""Keys of before become today's: each of its own, in the same order, and nothing else of an item changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.store import keys
from refledger.store.keys import former

SHAPES = Path(__file__).parents[1] / "shapes"
LEFT = [
    item
    for name in ("78e5482", "6737556")
    for item in json.loads((SHAPES / f"{name}.json").read_text(encoding="utf-8"))["items"]
]
ID, HASH, DIMENSION = "p" * 16, "h" * 24, keys.statistics("p" * 16, 7)
KEYS = {
    ("G", "default"): keys.program("default"), ("G#default", "V#000003"): keys.program_version("default", 3),
    ("G#default", "C#000003ab"): keys.program_change("default", "000003ab"), ("G#", "SHARDS"): keys.shards(),
    (f"P#{ID}", "A"): keys.partner(ID), (f"P#{ID}", "B#USD"): keys.balance(ID, "USD"),
    (f"P#{ID}", "D#USD"): keys.due_cursor(ID, "USD"), (f"P#{ID}", "D#"): keys.overdue_mark(ID),
    (f"P#{ID}", "L#USD#202611#default"): keys.capped_month(ID, "USD", "202611", "default"),
    (f"P#{ID}", "M#m1#002"): keys.method(ID, "m1", 2), (f"P#{ID}", "M"): keys.method_count(ID),
    (f"P#{ID}", "C#ADA"): keys.partner_code(ID, "ADA"), (f"P#{ID}", "N#17#n"): keys.note(ID, 17, "n"),
    ("U#CODE#A", "A"): keys.code("A"), ("U#LOOK#A", "A"): keys.look("A"), (f"U#EMAIL#{HASH}", "A"): keys.email(HASH),
    (f"U#SUB#{HASH}", "A"): keys.user(HASH), (f"U#KEY#{HASH}", "A"): keys.request(HASH),
    (f"U#ALIKE#ACCOUNT#{HASH}", ID): keys.alike("ACCOUNT", HASH, ID),
    (f"U#REFUND#{HASH}", "A"): keys.refund_guard(HASH), (f"U#DISPUTE#{HASH}", "A"): keys.dispute_guard(HASH),
    (f"U#APPLICANT#{HASH}", "A"): keys.applicant(HASH), (f"U#LEAD#{HASH}", "A"): keys.lead(HASH),
    (f"U#LEAD#{HASH}", "W"): keys.lead_facts(HASH), (f"I#{ID}", "A"): keys.application(ID),
    (f"I#{ID}", "I"): keys.invitation(ID), ("Q#default", f"ada#l#{ID}"): keys.search_row("default", "ada#l", ID),
    (f"C#default#{HASH}", "A"): keys.binding("default", HASH),
    (f"C#default#{HASH}", f"H#1790000000000#{HASH}"): keys.paid_at("default", HASH, 1_790_000_000_000, HASH),
    (f"C#default#{HASH}", f"T#1790000000000#{HASH}"): keys.sighting("default", HASH, 1_790_000_000_000, HASH),
    (f"C#*#{HASH}", "P#default"): keys.customer_program(HASH, "default"),
    (f"C#*#{HASH}", f"U#1790000000000#{HASH}"): keys.nobodys_payment(HASH, 1_790_000_000_000, HASH),
    (f"E#{HASH}", "A"): keys.payment(HASH), (f"E#{HASH}", "R#x"): keys.refund(HASH, "x"),
    (f"E#{HASH}", "D#x"): keys.dispute(HASH, "x"), (f"E#{HASH}", "S"): keys.suspect(HASH),
    (f"E#{HASH}", "T"): keys.possible_duplicate(HASH), (f"J#{ID}#USD", "20261129#0000000001"): keys.entry(
        ID, "USD", 1_795_946_400_000, 1
    ),
    (f"W#{HASH}", "A"): keys.withdrawal(HASH), (f"W#{HASH}", "N#S1"): keys.withdrawal_note(HASH, "S1"),
    (f"W#{HASH}", "S#17#i"): keys.account_shown(HASH, 17, "i"),
    (f"W#{HASH}", "T#APPROVAL"): keys.task_token(HASH, "APPROVAL"),
    (f"B#{HASH}", "A"): keys.batch(HASH), (f"B#{HASH}", "D#17#r"): keys.batch_download(HASH, 17, "r"),
    (f"X#{ID}", "A"): keys.adjustment(ID), (f"S#P#{ID}", "T"): keys.statistics_totals(keys.statistics(ID)),
    (f"S#P#{ID}#7", "D#20260301"): keys.statistics_day(DIMENSION, "20260301"),
    (f"S#P#{ID}#7", "D#20260301#00000001"): keys.statistics_part(DIMENSION, "20260301", "00000001"),
    (f"S#P#{ID}#7", "D#20260301#L20261129#LLLLLLLL"): keys.statistics_late_part(
        DIMENSION, "20260301", "20261129", "LLLLLLLL"
    ),
    (f"S#P#{ID}#7", "D#20260301#LLLLLLLL"): keys.statistics_part(DIMENSION, "20260301", "LLLLLLLL"),
    ("S#PROGRAM#default#0", "T"): keys.statistics_totals(keys.program_statistics("default", 0)),
    ("S#COHORT#default#2026#0", "T"): keys.statistics_totals(keys.cohort_statistics("default", "2026", 0)),
    ("S#DUE#default#0", "T"): keys.statistics_totals(keys.forecast_statistics("default", 0)),
    ("S#JOURNAL#0", "T"): keys.statistics_totals(keys.journal_statistics(0)),
    ("S#WITHDRAWALS#0", "T"): keys.statistics_totals(keys.withdrawal_statistics(0)),
    ("S#G#PROGRAM#default", "A"): keys.statistics_generations(keys.figures_of_program("default")),
    ("TOP#default", "ALL#paid"): keys.leaderboard("default", "ALL", "paid"),
    ("K#ADA", "D#20260301"): keys.statistics_day(keys.clicks("ADA"), "20260301"),
    (f"A#{ID}", "17#1"): keys.audit(ID, 17, "1"), (f"N#{ID}", "A"): keys.person(ID),
    (f"O#{ID}", "A"): keys.job(ID), (f"O#{ID}", "R#0000012"): keys.job_lines(ID, 12),
    (f"O#{ID}", "OPEN"): keys.open_jobs_of(ID), (f"H#{HASH}", "A"): keys.answer(HASH),
    (f"L#{ID}#reads", "29"): keys.limit(ID, "reads", 29), (f"Y#P#{ID}", "A"): keys.exposure_of_partner(ID),
    (f"Y#A#{ID}", "A"): keys.exposure_of_actor(ID), ("V#3", "1790000000000#n"): keys.touched(3, 1_790_000_000_000, "n"),
    ("V", f"earned#{HASH}"): keys.finding("earned", HASH), ("SYS", "DUE-LATE"): keys.cursor("DUE-LATE"),
    ("SYS", "MIGRATION#guards"): keys.migration("guards"), ("SYS", "STOPPED"): keys.stopped(),
}  # fmt: skip
LISTS = {
    ("l1", "P"): keys.all_partners(), ("w1", "P#ACTIVE"): keys.partners_of("ACTIVE"),
    ("l1", "I#INVITATIONS"): keys.all_invitations(), ("w1", "I#INVITATIONS#PENDING"): keys.invitations_of("PENDING"),
    ("l1", "I#APPLICATIONS"): keys.all_applications(), ("w1", "I#APPLICATIONS#X"): keys.applications_of("X"),
    ("l1", "F#default"): keys.referrals_of_program("default"), ("w1", "F#default#PENDING"): keys.referrals_in(
        "default", "PENDING"
    ),
    ("l1", f"W#{ID}"): keys.withdrawals_of_partner(ID), ("w1", "W#PAYING"): keys.withdrawals_of("PAYING"),
    ("w1", "W#PROBLEM"): keys.withdrawals_with_problem(), ("l1", f"O#{ID}#IMPORT"): keys.jobs_of(ID, "IMPORT"),
    ("w1", "O"): keys.open_jobs(), ("l1", "B"): keys.all_batches(), ("l1", f"X#{ID}"): keys.adjustments_of_partner(ID),
    ("w1", "X"): keys.waiting_adjustments(), ("l1", f"A#{ID}"): keys.audit_by(ID),
    ("l1", "E#default#31"): keys.payment_shards("default", 32)[31],
    ("l1", "E#default#UNREFERRED#31"): keys.unreferred_shards("default", 32)[31],
    ("w1", "R#default#HELD"): keys.rewards_in("default", "HELD"), ("w1", "PARKED"): keys.parked_payments(),
    ("w1", "DUPLICATE"): keys.possible_duplicates(), ("w1", "DISPUTE"): keys.open_disputes(),
    ("w1", "DUE#31"): keys.due_shard(31), ("w1", "RATE"): keys.to_be_rated(),
}  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=" / ".join)
def test_a_key_of_before_is_the_one_that_is_made_today(key: tuple[str, str]) -> None:
    assert former.key_today(*key) == KEYS[key]


@pytest.mark.parametrize("place", LISTS, ids=" = ".join)
def test_a_list_of_before_is_the_one_that_is_read_today(place: tuple[str, str]) -> None:
    assert former.list_today(*place) == LISTS[place]


def test_rewards_and_referrals_stay_where_their_ids_say() -> None:
    """In their shard, under what follows their partner's id."""
    id = keys.reward_id(ID, 1_790_000_000_000, "USD", "0123456789abcdefghijklmn", 1, 4)
    pk, sk = keys.reward(id)["pk"].replace("REWARD#", "R#"), keys.reward(id)["sk"]
    assert former.key_today(pk, sk) == keys.reward(id)
    id = keys.referral_id(ID, 1_790_000_000_000, bytes(12))
    assert former.key_today(f"F#{ID}", id[16:]) == keys.referral(id)


def test_every_item_that_was_ever_left_has_a_key_of_its_own() -> None:
    """No two of a release become one; and of those of today none is taken for one of before."""
    for name in ("78e5482", "6737556"):
        items = json.loads((SHAPES / f"{name}.json").read_text(encoding="utf-8"))["items"]
        made = {(new["pk"]["S"], new["sk"]["S"]) for new in map(former.item_today, items)}
        assert len(made) == len(items)
    for item in json.loads((SHAPES / "next.json").read_text(encoding="utf-8"))["items"]:
        with pytest.raises(former.UnknownKey):
            former.key_today(item["pk"]["S"], item["sk"]["S"])


def test_nothing_else_of_an_item_changes() -> None:
    """Every other attribute stays, to the letter; those of the indexes are called what they are for."""
    names = {"l1": "listed_in", "l2": "listed_at", "w1": "waits_in", "w2": "waits_at"}
    for item in LEFT:
        new = former.item_today(item)
        assert {names.get(name, name) for name in item} == set(new)
        assert {n: v for n, v in item.items() if n not in (*names, "pk", "sk")} == {
            n: v for n, v in new.items() if n not in (*names.values(), "pk", "sk")
        }
        assert (item.get("l2"), item.get("w2")) == (new.get("listed_at"), new.get("waits_at"))


def _words(text: str) -> str:
    """What a part of a key says of the kind, without ids."""
    word, _, rest = text.partition("#")
    if word in ("GUARD", "STATISTICS", "EXPOSURE"):
        return f"{word}#{rest.partition('#')[0]}"
    return word if word.replace("_", "").isalpha() and word.isupper() else ""


def test_the_same_items_are_left_by_the_code_of_before_and_of_today() -> None:
    """The story of the last release of before, moved on, has the kinds and the lists of today's own."""

    def told(name: str, *, move: bool) -> set[tuple[str, ...]]:
        items: list[dict[str, Any]] = json.loads((SHAPES / f"{name}.json").read_text(encoding="utf-8"))["items"]
        names = ("pk", "sk", "listed_in", "waits_in")
        return {
            tuple(_words(item[each]["S"]) if each in item else "" for each in names)
            for item in (map(former.item_today, items) if move else items)
        }

    before = told("6737556", move=True) - {("PERSON", "ROOT", "", "")}  # who is listed once they act again
    assert before <= told("next", move=False)


@given(st.lists(st.sampled_from(sorted(KEYS)), min_size=2, max_size=8))
def test_ranges_hold_what_they_held(some: list[tuple[str, str]]) -> None:
    """What was in a range of one prefix is in the range of one prefix: no two prefixes of a kind become one."""
    for pk, sk in some:
        for other, word in some:
            if pk.split("#")[0] == other.split("#")[0] and "#" in sk and "#" in word:
                same = sk.split("#")[0] == word.split("#")[0]
                today = [former.key_today(*each)["sk"].split("#")[0] for each in ((pk, sk), (other, word))]
                if today[0].isupper() and today[1].isupper() and "" not in (sk.split("#")[1], word.split("#")[1]):
                    assert (today[0] == today[1]) is same


def test_how_far_a_migration_came_in_another_table_is_nothing_here() -> None:
    """One that has not ended begins anew; one that has stays ended."""
    item = {
        "pk": {"S": "SYS"}, "sk": {"S": "MIGRATION#guards"}, "place": {"L": [{"S": "P#p"}, {"S": "A"}]},
        "looked_at": {"N": "500"}, "moved_on": {"N": "3"}, "began": {"N": "1"}, "ended": {"N": "0"},
    }  # fmt: skip
    new = former.item_today(item)
    assert "place" not in new
    assert (new["looked_at"], new["moved_on"], new["ended"]) == ({"N": "0"}, {"N": "3"}, {"N": "0"})


@pytest.mark.parametrize(
    ("pk", "sk"),
    [("", ""), ("P", "A"), ("P#p", "Z#1"), ("PARTNER#p", "ROOT"), ("SYSTEM", "DUE"), ("Z#1", "A"), ("U#NEW#1", "A")],
)
def test_what_was_never_a_key_is_refused(pk: str, sk: str) -> None:
    """Nothing is moved to where nobody looks."""
    with pytest.raises(former.UnknownKey):
        former.key_today(pk, sk)
