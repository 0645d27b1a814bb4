"""Keys: built from ids and read back from them, sorted as time goes, and never two things under one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.adapters.ids import Ids
from refledger.domain import base32, times
from refledger.domain.currencies import EXPONENTS
from refledger.domain.rules import MAX_TIERS
from refledger.store import keys, shards

IDS = Ids("a secret of the tests")
MOMENTS = st.integers(0, 2**47)
CURRENCIES = st.sampled_from(sorted(EXPONENTS))
PARTNERS = st.binary(min_size=10, max_size=10).map(base32.encode)
PAYMENTS = st.binary(min_size=15, max_size=15).map(base32.encode)
TIERS = st.integers(1, MAX_TIERS)
SPREADS = st.integers(0, shards.MOST_SPREAD)


@given(PARTNERS, MOMENTS, CURRENCIES, PAYMENTS, TIERS, SPREADS)
def test_a_rewards_key_follows_from_its_id(
    partner: str, due_ms: int, currency: str, payment: str, tier: int, spread: int
) -> None:
    """From the id alone the key; from the key the id again, the partner and the currency."""
    id = keys.reward_id(partner, due_ms, currency, payment, tier, spread)
    assert keys.is_reward_id(id)
    assert keys.spread_of(id) == spread
    key = keys.reward(id)
    assert keys.owner_of(key) + key["sk"] == id
    assert (keys.kind_of(key), keys.owner_of(key)) == ("REWARD", partner)
    assert keys.currency_of(key["sk"]) == currency
    for known in range(spread, shards.MOST_SPREAD + 1):
        assert key["pk"] in keys.rewards(partner, known), "whoever knows of as many shards or more looks there"
    assert keys.LOWEST < key["sk"] < keys.HIGHEST


@given(PARTNERS, MOMENTS, st.binary(min_size=9, max_size=32))
def test_a_referrals_key_is_a_slice_of_its_id(partner: str, at_ms: int, digest: bytes) -> None:
    """As for rewards: the partner, and what sorts by time."""
    id = keys.referral_id(partner, at_ms, digest)
    key = keys.referral(id)
    assert (keys.kind_of(key), keys.owner_of(key), key["sk"]) == ("REFERRAL", partner, id.removeprefix(partner))


@given(PARTNERS, MOMENTS, CURRENCIES, PAYMENTS, TIERS)
def test_a_reward_that_was_made_before_there_were_shards_lies_where_it_lay(
    partner: str, due_ms: int, currency: str, payment: str, tier: int
) -> None:
    """Its id says nothing of them: partner, time, currency, payment and tier, as it was put together then."""
    sort_key = base32.encode(due_ms.to_bytes(6) + currency.encode() + base32.decode(payment)[:10] + bytes([tier]))
    assert keys.reward_id(partner, due_ms, currency, payment, tier) == partner + sort_key
    assert keys.reward(partner + sort_key) == {"pk": f"REWARD#{partner}", "sk": sort_key}
    assert keys.rewards(partner, 0) == (f"REWARD#{partner}",)


@given(st.text(max_size=60) | st.binary(min_size=30, max_size=30).map(base32.encode))
def test_whatever_is_asked_for_has_a_key(text: str) -> None:
    """Also what is no id of a reward: then there is nothing under it."""
    key = keys.reward(text)
    assert key["pk"] == f"REWARD#{text[:16]}" or key["pk"].startswith(f"REWARD#{text[:16]}#")
    assert key["sk"] == text[16:]


def test_shards_take_their_share() -> None:
    """The checksum spreads payments evenly: of 16 shards none has a fifth more than its part."""
    ids = Ids("a secret of the tests")
    made = [keys.reward_id("p" * 16, 0, "USD", ids.payment("shop", str(n)), 1, 4) for n in range(16_000)]
    found = Counter(keys.reward(id)["pk"] for id in made)
    assert set(found) == set(keys.rewards("p" * 16, 4))
    assert max(found.values()) < 1_200


PLACES = st.tuples(MOMENTS, CURRENCIES, PAYMENTS, TIERS, SPREADS)


@given(st.lists(PLACES, min_size=2, max_size=8, unique_by=lambda part: part[:4]), MOMENTS)
def test_rewards_sort_by_when_they_are_due(parts: list[tuple[int, str, str, int, int]], at_ms: int) -> None:
    """Sort keys stand in the order of due times, and `due_from` cuts them exactly: before, at or after."""
    partner = "p" * keys.PARTNER_ID_LENGTH
    found = [(keys.reward(keys.reward_id(partner, *part))["sk"], part[0]) for part in parts]
    assert len({sk for sk, _ in found}) == len(parts)
    in_order = [due_ms for _, due_ms in sorted(found)]
    assert in_order == sorted(in_order)
    for sk, due_ms in found:
        assert (sk >= keys.due_from(at_ms)) is (due_ms >= at_ms)


@given(st.lists(st.integers(0, 5 * times.DAY_MS), min_size=2, max_size=15), st.integers(0, times.DAY_MS * 20_000))
def test_entries_sort_by_version(later_ms: list[int], start_ms: int) -> None:
    """Journal time never runs back, so day and version together sort like the versions."""
    at_ms, found = start_ms, []
    for version, step_ms in enumerate(later_ms, start=1):
        at_ms += step_ms
        found.append(keys.entry("p", "EUR", at_ms, version)["sk"])
    assert found == sorted(found)


def test_versions_sort_beyond_any_digit() -> None:
    """Version 10 comes after 9, and 10,000,000 after 9,999,999."""
    versions = (1, 9, 10, 99, 100, 9_999_999, 10_000_000)
    found = [keys.entry("p", "EUR", 0, version)["sk"] for version in versions]
    assert found == sorted(found)


def test_no_two_things_share_a_key() -> None:
    """The same text as every kind of id gives as many keys as there are kinds."""
    id = "v" * 48
    made = [
        keys.program(id), keys.partner(id), keys.balance(id, "EUR"), keys.code(id), keys.email(id),
        keys.user(id), keys.request(id), keys.binding("default", id), keys.referral(id), keys.payment(id),
        keys.reward(id), keys.entry(id, "EUR", 0, 1), keys.withdrawal(id), keys.task_token(id, "APPROVAL"),
        keys.task_token(id, "SETTLEMENT"), keys.statistics_totals(keys.statistics(id)),
        keys.statistics_day(keys.statistics(id), "20260101"),
        keys.statistics_part(keys.statistics(id), "20260101", "shardId-00000001"),
        keys.look(id), keys.applicant(id), keys.lead(id), keys.answer(id), keys.application(id), keys.invitation(id),
        keys.api_key(id), keys.partner_code(id, id), keys.note(id, 1, id), keys.search_row("default", id, id),
        keys.limit(id, "requests", 1), keys.limit(id, "withdrawals", 1), keys.cursor(id),
    ]  # fmt: skip
    assert len({(key["pk"], key["sk"]) for key in made}) == len(made)


def test_balances_are_between_their_bounds_and_the_partner_is_not() -> None:
    """A query for balances finds every currency and nothing else of the partition."""
    partition, low, high = keys.balances("p")
    assert all(keys.balance("p", currency)["pk"] == partition for currency in EXPONENTS)
    assert all(low <= keys.balance("p", currency)["sk"] <= high for currency in EXPONENTS)
    assert not low <= keys.partner("p")["sk"] <= high


@pytest.mark.parametrize(("after", "closed"), [("", "20260102"), ("20260101", "20260103"), ("", "20251231")])
def test_days_of_roll_ups_are_cut_cleanly(after: str, closed: str) -> None:
    """`days_until`: parts and days after one and up to another; `open_days`: all later ones; T in neither."""
    days = ["20251231", "20260101", "20260102", "20260103", "20260104"]
    made = [
        key["sk"]
        for day in days
        for key in (
            keys.statistics_day("S", day),
            keys.statistics_part("S", day, "shardId-01"),
        )
    ]
    low, high = keys.days_until(after, closed)
    wanted = [day for day in days if after < day <= closed for _ in range(2)]
    assert [keys.day_of_statistics(sk) for sk in made if low <= sk <= high] == wanted
    low, high = keys.open_days(closed)
    wanted = [day for day in days if day > closed for _ in range(2)]
    assert [keys.day_of_statistics(sk) for sk in made if low <= sk <= high] == wanted
    assert keys.statistics_totals("S")["sk"] > keys.open_days("")[1]


@given(PAYMENTS)
def test_a_payment_is_always_in_the_same_of_the_due_shards(payment: str) -> None:
    """The shard is one of those that the schedule reads, and the list's shard is the same."""
    number = keys.payment_shard(payment)
    assert number in range(keys.DUE_SHARDS)
    assert keys.payments_of_program("default", payment).endswith(f"#{number}")


def test_payments_spread_over_the_due_shards() -> None:
    """Ids as the system makes them do not pile up in one shard."""
    for count in (4, 32, 48, 256):
        found = Counter(keys.payment_shard(IDS.payment("payments", str(n)), count) for n in range(100 * count))
        assert set(found) == set(range(count))
        assert all(60 <= found[shard] <= 140 for shard in found)


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_hashed_parts_cannot_run_into_each_other(a: list[str], b: list[str]) -> None:
    """ "ab" and "c" is not "a" and "bc"; the same parts are always the same."""
    assert (IDS.digest(*a) == IDS.digest(*b)) is (a == b)


@given(st.text() | st.just("\ud800"))
def test_untrusted_text_is_in_a_key_only_as_a_hash(text: str) -> None:
    """Whatever a customer, user or payment is called: 16 or 24 characters of 0-9 and a-v."""
    for made, length in (
        (IDS.user(text), 16),
        (IDS.payment(text, text), 24),
        (IDS.withdrawal("p", text), 24),
    ):
        assert len(made) == length
        assert set(made) <= set("0123456789abcdefghijklmnopqrstuv")


def test_ids_hang_on_the_deployments_secret() -> None:
    """The same text in another deployment is another id; new ids are never the same."""
    assert Ids("another").user("bob") != IDS.user("bob")
    assert len({IDS.new() for _ in range(1000)}) == 1000


def test_parts_of_a_partner_are_between_their_bounds_and_others_are_not() -> None:
    """A query for codes or notes finds every one of them, and nothing else of the partition."""
    code, note = keys.partner_code("p", "CODE"), keys.note("p", 1_790_000_000_000, "n" * 16)
    others = [keys.partner("p"), keys.balance("p", "USD"), keys.due_cursor("p", "USD"), keys.method("p", "m", 1)]
    for (partition, low, high), inside, outside in (
        (keys.partner_codes("p"), code, [note, *others]),
        (keys.notes("p"), note, [code, *others]),
    ):
        assert inside["pk"] == partition
        assert low <= inside["sk"] <= high
        assert not [key for key in outside if low <= key["sk"] <= high]


@given(st.integers(-(10**15), 10**15), st.integers(10**12, 10**13 - 2), st.text(max_size=3))
def test_positions_are_cut_at_a_moment(bound_ms: int, at_ms: int, id: str) -> None:
    """What is listed at a moment is at or after the lower bound, or before the upper one, just as the numbers are."""
    position = keys.listed("PARTNERS", at_ms, id)["listed_at"]
    low, _ = keys.positions(bound_ms, None)
    _, high = keys.positions(None, bound_ms)
    assert (position >= low) == (at_ms >= min(bound_ms, keys.LAST_MS))
    assert (position <= high) == (at_ms < max(bound_ms, keys.FIRST_MS))
    lowest, highest = keys.positions(None, None)
    assert lowest <= position <= highest


@given(PAYMENTS, PAYMENTS)
def test_a_position_has_as_much_of_a_payment_as_tells_it_apart(one: str, other: str) -> None:
    """It is the same place also where all of the id stands in it, as once; of another payment it is not."""
    listed = keys.listed("PAYMENTS#p#1", 1_790_000_000_000, keys.tie_of(one))
    once = keys.listed("PAYMENTS#p#2", 1_790_000_000_001, one)
    assert keys.is_same_place(once, listed, keys.LISTED)
    assert keys.is_same_place(listed, listed, keys.LISTED)
    theirs = keys.listed("PAYMENTS#p#1", 1_790_000_000_000, keys.tie_of(other))
    assert keys.is_same_place(theirs, listed, keys.LISTED) is (keys.tie_of(one) == keys.tie_of(other))
    assert not keys.is_same_place({}, listed, keys.LISTED)
