"""A payment becomes rewards once, for ever, whoever sends it again, whenever, and however often at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.domain.errors import Busy, Unreadable
from refledger.domain.maturity import MaturityMessage
from refledger.domain.rewards import RewardStatus
from refledger.domain.times import DAY_MS
from refledger.operations.earning.payments import RecordOutcome
from refledger.store import keys
from tests.support import worlds
from tests.support.books import Books, Faulty

MONTH_MS = 31 * DAY_MS

pytestmark = worlds.lives_in(worlds.two_tiers)


def amounts(books: Books) -> dict[str, list[int]]:
    return {name: [reward.amount for reward in books.rewards(name)] for name in ("alice", "bob", "carol")}


def test_each_tier_gets_its_share(books: Books) -> None:
    """20 % to who referred the customer, 10 % to who referred them; the customer gets nothing."""
    assert books.pay("carol", "p1", 9_999).outcome is RecordOutcome.RECORDED
    assert amounts(books) == {"alice": [999], "bob": [1999], "carol": []}


def test_a_reward_says_where_it_comes_from(books: Books) -> None:
    """Base, rate, rule, tier, payment, referral and times are all on it, and it waits."""
    recorded = books.pay("carol", "p1", 10_000, amount=11_900, occurred_at_ms=books.clock() - 5)
    (reward,) = books.rewards("alice")
    assert (reward.base, reward.rate_bps, reward.tier, reward.rule_version) == (10_000, 1000, 2, 1)
    assert (reward.payment, reward.status) == (recorded.payment, RewardStatus.PENDING)
    assert (reward.earned_at_ms, reward.matures_at_ms) == (books.clock() - 5, books.clock())
    assert reward.referral_id.startswith(books.partner("bob").id)


def test_a_payment_touches_no_balance(books: Books) -> None:
    """Money is there after maturity, and no journal entry before it."""
    books.pay("carol", "p1", 10_000)
    assert books.balance("bob") == (0, 0, 0)
    assert books.entries("bob") == []
    assert books.faults() == []


def test_a_repeat_changes_nothing_and_is_sent_to_mature_again(books: Books) -> None:
    """The first try may have died before it sent its messages, so the repeat names the same ones."""
    first = books.pay("carol", "p1", 10_000)
    second = books.pay("carol", "p1", 10_000)
    assert second.outcome is RecordOutcome.REPEATED
    assert second.due == first.due
    assert {message.partner_id for message in first.due} == {books.partner("alice").id, books.partner("bob").id}
    assert amounts(books) == {"alice": [1000], "bob": [2000], "carol": []}


def test_sixteen_at_once_are_one(books: Books) -> None:
    """The same event in sixteen threads: one is recorded, fifteen are repeats."""
    with ThreadPoolExecutor(16) as pool:
        outcomes = [recorded.outcome for recorded in pool.map(lambda _: books.pay("carol", "p1", 10_000), range(16))]
    assert sorted(outcomes) == [RecordOutcome.RECORDED] + [RecordOutcome.REPEATED] * 15
    assert amounts(books) == {"alice": [1000], "bob": [2000], "carol": []}


def test_a_month_later_it_is_still_the_same_payment(books: Books) -> None:
    """Not a token of ten minutes makes it harmless, but the payment's own item."""
    at_ms = books.clock()
    books.earn("carol", "p1", 10_000)
    books.clock.forward(MONTH_MS)
    assert books.pay("carol", "p1", 10_000, occurred_at_ms=at_ms).outcome is RecordOutcome.REPEATED
    assert books.balance("bob") == (2000, 0, 0)


@pytest.mark.parametrize(
    "changes",
    [
        {"base": 9_999}, {"amount": 10_001}, {"currency": "EUR"}, {"customer": "bob"}, {"program_id": "another"},
    ],
)  # fmt: skip
def test_another_content_under_the_same_id_is_told_and_the_first_stands(books: Books, changes: dict[str, Any]) -> None:
    """Amount, base, currency, customer or program: whatever differs, nothing is changed and somebody is told."""
    books.program("another")
    books.pay("carol", "p1", 10_000)
    before = books.table.get(keys.payment(books.ids.payment("payments", "p1")))
    asked: dict[str, Any] = {"customer": "carol", "payment_id": "p1", "base": 10_000, "amount": 10_000, **changes}
    again = books.pay(**asked)
    assert (again.outcome, again.due) == (RecordOutcome.DIFFERENT, [])
    assert books.table.get(keys.payment(again.payment)) == before
    assert amounts(books) == {"alice": [1000], "bob": [2000], "carol": []}


def test_systems_do_not_meet(books: Books) -> None:
    """The same id from two systems is two payments."""
    assert books.pay("carol", "1", 100).payment != books.pay("carol", "1", 100, system="stripe").payment
    assert amounts(books)["bob"] == [20, 20]


def test_nobody_earns_from_a_customer_nobody_referred(books: Books) -> None:
    """It is remembered, and judged anew when it is told again: it earns once somebody has referred the customer."""
    assert books.pay("dave", "p1", 10_000).outcome is RecordOutcome.UNREFERRED
    books.apply("dave", "carol")
    again = books.pay("dave", "p1", 10_000)
    assert again.outcome is RecordOutcome.RECORDED
    assert amounts(books)["carol"] == [2000]
    nobodys = books.pay("erin", "p2", 10_000)
    item = books.table.get(keys.payment(nobodys.payment))
    assert item is not None
    assert item["ttl"] > (books.clock() + 365 * DAY_MS) // 1000


@pytest.mark.parametrize("program_id", ["defualt", "", "no#such", "NUL\x00", "x" * 256, "\u00e4", "default\n"])
def test_a_program_that_does_not_exist_is_a_fault(books: Books, program_id: str) -> None:
    """A slip of the sender must not lose the partner's money in silence; the corrected event still earns."""
    with pytest.raises(Unreadable, match="there is no such program"):
        books.pay("carol", "p1", 10_000, program_id=program_id)
    assert books.pay("carol", "p1", 10_000).outcome is RecordOutcome.RECORDED


@pytest.mark.parametrize(("base", "shares"), [(0, ([], [])), (4, ([], [])), (9, ([1], [])), (10, ([2], [1]))])
def test_a_tier_that_earns_nothing_has_no_reward(books: Books, base: int, shares: tuple[list[int], list[int]]) -> None:
    """What rounds down to nothing is no item; the payment is recorded all the same, and only once."""
    assert books.pay("carol", "p1", base, amount=10).outcome is RecordOutcome.RECORDED
    assert (amounts(books)["bob"], amounts(books)["alice"]) == shares
    assert books.pay("carol", "p1", base, amount=10).outcome is RecordOutcome.REPEATED


def test_ten_tiers(books: Books) -> None:
    """The deepest program there is pays ten partners from one payment, and an eleventh nothing."""
    rates = tuple(range(1000, 0, -100))
    books.program("deep", tier_rates_bps=rates)
    names = [f"n{number}" for number in range(12)]
    for name in names[:-1]:
        onboard(books, name, "deep")
    books.chain(*names)
    books.pay("n11", "p1", 1_000_003, program_id="deep")
    assert [[r.amount for r in books.rewards(name)] for name in names[:11][::-1]] == [
        *([1_000_003 * rate // 10_000] for rate in rates), []
    ]  # fmt: skip


def onboard(books: Books, name: str, program_id: str) -> None:
    from refledger.operations.partners import partners

    new = partners.NewPartner(name, name, f"{name}@example.com", program_id=program_id, user=books.user(name))
    partners.create(books.context, new, "admin", None, "body")


@pytest.mark.parametrize(
    ("held_days", "ago_days", "due_in_days"), [(30, 0, 30), (30, 10, 20), (30, 30, 0), (30, 90, 0)]
)
def test_rewards_are_held_from_the_day_of_payment(
    books: Books, held_days: int, ago_days: int, due_in_days: int
) -> None:
    """The hold counts from when the customer paid; what came late is due at once, never in the past."""
    books.program("slow", hold_days=held_days)
    onboard(books, "erin", "slow")
    books.apply("fred", "erin")
    paid_ms = books.clock() - ago_days * DAY_MS
    recorded = books.pay("fred", "p1", 10_000, program_id="slow", occurred_at_ms=paid_ms)
    (reward,) = books.rewards("erin")
    assert reward.matures_at_ms == books.clock() + due_in_days * DAY_MS
    assert bool(recorded.due) is (due_in_days == 0)


def test_currencies_are_kept_apart(books: Books) -> None:
    """A reward has the currency of its payment, of those that the program takes."""
    books.change_program(currencies=["JPY", "KWD"])
    books.pay("carol", "p1", 10_000, currency="JPY")
    books.pay("carol", "p2", 10_000, currency="KWD")
    assert sorted((r.currency, r.amount) for r in books.rewards("bob")) == [("JPY", 2000), ("KWD", 2000)]


@pytest.mark.parametrize("seed", range(4))
def test_conflicts_and_lost_answers_change_nothing(books: Books, seed: int) -> None:
    """Where writes are refused, or done without an answer, the payment is still recorded once and whole."""
    faulty = Faulty(books.client, 60, seed)
    books.context = books.behind(faulty)
    outcomes = [books.pay("carol", f"p{number}", 10_000).outcome for number in range(3)]
    assert set(outcomes) <= {RecordOutcome.RECORDED, RecordOutcome.REPEATED}
    assert amounts(books) == {"alice": [1000] * 3, "bob": [2000] * 3, "carol": []}
    assert faulty.injected


class AlwaysInTheWay:
    """A client whose transactions always conflict."""

    def __init__(self, client: Any) -> None:
        self._client, self.tries = client, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **_: Any) -> None:
        self.tries += 1
        raise Faulty(self._client, 0, 0)._conflict("TransactWriteItems")


def test_who_is_always_in_the_way_is_waited_for_eight_times(books: Books) -> None:
    """Then the caller is told that nothing was done, with growing pauses in between, and nothing was."""
    client, pauses = AlwaysInTheWay(books.client), list[int]()
    world = books.behind(client)
    books.context = type(world)(world.table, world.ids, world.now_ms, pauses.append)
    with pytest.raises(Busy):
        books.pay("carol", "p1", 10_000)
    assert client.tries == len(pauses) == 8
    assert all(0 <= pause <= 20 << number for number, pause in enumerate(pauses))
    assert books.table.get(keys.payment(books.ids.payment("payments", "p1"))) is None


def test_what_is_due_is_told_exactly(books: Books) -> None:
    """A message leads to the very reward that the payment made, so that maturity need not search for it."""
    recorded = books.pay("carol", "p1", 10_000)
    told = {(m.partner_id + m.since, m.currency, m.exact, m.deduplication) for m in recorded.due}
    made = [*books.rewards("alice"), *books.rewards("bob")]
    assert told == {(r.id, "USD", True, f"{recorded.payment}-{r.partner_id}") for r in made}
    assert all(MaturityMessage.read(m.body()).since == m.since for m in recorded.due)
