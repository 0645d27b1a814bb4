"""Whoever may write to the table changes one thing of who earns, what exists, who decided or what waits: it is named.

Each case changes a small world in one way and says which fault must be named. What nothing in the table contradicts is
in UNSEEN, with the reason; it is changed too, and the day on which it is named it leaves that list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from refledger.domain.payments import said
from refledger.domain.programs import CurrencyTerms
from refledger.domain.rules import RuleSet
from refledger.domain.times import MINUTE_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.earning import manual_rewards
from refledger.operations.payouts import withdrawals
from refledger.operations.proof import book_checks
from refledger.store import keys, payments
from refledger.store.transaction import Item, delete, put
from tests.support import dynamodb
from tests.support.books import Books
from tests.support.history import items_of, kind_of, with_history
from tests.support.payouts import Provider, start, verified
from tests.support.programs import a_rule

MALLORY = "m" * keys.PARTNER_ID_LENGTH
WAITS = keys.INDEX_KEYS[keys.WAITING]
RULES_NOW = RuleSet(a_rule(1000, 500, first=(5000,)), monthly_cap=(("USD", 500_000),))


@dataclass
class World:
    """A small world, its items as they were, and what changes them behind the back of the operations."""

    books: Books
    before: dict[tuple[str, str], Item]
    touched: set[tuple[str, str]] = field(default_factory=set)

    def all(self, kind: str, **has: Any) -> list[Item]:
        """Items of a kind that have these values."""
        found = [item for item in self.before.values() if kind_of(item) == kind]
        return [item for item in found if all(item.get(name) == value for name, value in has.items())]

    def one(self, kind: str, **has: Any) -> Item:
        return self.all(kind, **has)[0]

    def at(self, key: keys.Key) -> Item:
        return self.before[key["pk"], key["sk"]]

    def put(self, item: Item) -> World:
        self.touched.add((item["pk"], item["sk"]))
        self.books.table.commit(put("an edit", item, condition=""))
        return self

    def edit(self, item: Item, **changes: Any) -> World:
        return self.put({**item, **changes})

    def without(self, item: Item, *names: str) -> World:
        return self.put({name: value for name, value in item.items() if name not in names})

    def remove(self, *items: Item) -> World:
        assert items
        for item in items:
            self.touched.add((item["pk"], item["sk"]))
            self.books.table.commit(delete("a removal", {"pk": item["pk"], "sk": item["sk"]}, "attribute_exists(pk)"))
        return self

    def restore(self) -> None:
        for pk, sk in list(self.touched):
            if (item := self.before.get((pk, sk))) is not None:
                self.put(item)
            elif self.books.table.get({"pk": pk, "sk": sk}):
                self.remove({"pk": pk, "sk": sk})
        self.touched.clear()

    # ------------------------------------------------------------ what cases speak of

    @property
    def bob(self) -> str:
        return self.books.partner("bob").id

    @property
    def alice(self) -> str:
        return self.books.partner("alice").id

    def payment(self, name: str) -> Item:
        return self.at(keys.payment(self.books.ids.payment("payments", name)))

    def rewards_of(self, name: str) -> list[Item]:
        """Nearest tier first."""
        return [self.at(keys.reward(id)) for id, _ in self.payment(name)["rewards"]]

    def gift(self) -> Item:
        """Bob's, which waits."""
        return next(item for item in self.all("REWARD", source="by-hand") if keys.owner_of(item) == self.bob)

    def binding(self, customer: str = "carol") -> Item:
        return self.at(keys.binding("default", self.books.user(customer)))

    def referral(self, customer: str = "carol") -> Item:
        return self.at(keys.referral(self.binding(customer)["referral"]))

    def say_again(self, paid: Item) -> World:
        """The payment as it is now, with the hash of what it says: a good forgery."""
        return self.put({**paid, "body": said(payments.from_item(paid))})

    def withdrawal(self, status: str) -> Item:
        return self.one("WITHDRAWAL/ROOT", status=status)

    def posted(self) -> Item:
        """An adjustment that counts."""
        return self.one("ADJUSTMENT", status="POSTED")

    def version(self, number: int = 1) -> Item:
        return self.at(keys.program_version("default", number))

    def guard(self, name: str) -> Item:
        """Bob's."""
        kept = {key: item for key, item in self.before.items() if key[0].startswith(f"GUARD#{name}#")}
        return next(item for item in kept.values() if item["partner"] == self.bob)

    def method_of(self, withdrawal: Item) -> Item:
        id, version, *_ = withdrawal["method"]
        return self.at(keys.method(withdrawal["partner"], id, version))


def a_world(books: Books) -> World:
    """With_history, and beside it what waits: rewards in their hold, one given by hand, terms that were changed."""
    with_history(books)
    for name, by in (("alice", "zoe"), ("alice", "yan"), ("bob", "xia")):
        gift = manual_rewards.Gift(books.partner(name).id, 400, "USD", "a prize")
        manual_rewards.give(books.context, gift, by, "key")
    books.mature("alice")
    asked = books.withdraw("bob", 2_000, "on its way", payee=verified(books, "bob"))
    withdrawals.decide(books.context, asked.id, WithdrawalStatus.APPROVED, "ann", "on its way: yes", "")
    start(books, asked.id, Provider(["AWAITING"]))
    books.clock.forward(MINUTE_MS)  # more than clocks may differ
    books.change_program(
        currencies={"JPY": CurrencyTerms()}, rules=RULES_NOW, adjustment_limit=1_000, second_approval_limit=1_500,
        hold_days=30,
    )  # fmt: skip
    books.apply("erin", "bob")
    books.pay("carol", "late", 100_000)
    books.pay("erin", "first", 100_000)
    books.clock.forward(2 * MINUTE_MS)
    books.pay("erin", "second", 100_000)
    made = World(books, {})
    made.before = {(item["pk"], item["sk"]): item for item in items_of(books)}
    return made


# ---------------------------------------------------------------- changes


def rate_otherwise(world: World, name: str, amount: int, rate: int) -> None:
    """The nearest reward and its payment's share, so that both fit each other."""
    near, *others = world.rewards_of(name)
    world.edit(near, amount=amount, rate=rate)
    paid = world.payment(name)
    shares = [[keys.owner_of(near) + near["sk"], amount], *([keys.owner_of(o) + o["sk"], o["amount"]] for o in others)]
    world.say_again({**paid, "rewards": shares})


def give_to_stranger(world: World) -> None:
    """A waiting reward becomes that of somebody who is not above the customer."""
    near, far = world.rewards_of("late")
    paid = world.payment("late")
    id = keys.reward_id(MALLORY, near["due"], near["currency"], keys.owner_of(paid), 1)
    world.remove(near)
    world.put({**near, **keys.reward(id)})
    bob = world.at(keys.partner(world.bob))
    world.put(
        {**bob, **keys.partner(MALLORY), "customer": "", "code": "MALLORY1", "listed_at": f"{bob['created']}#{MALLORY}"}
    )
    world.edit(paid, rewards=[[id, near["amount"]], [keys.owner_of(far) + far["sk"], far["amount"]]])


def take_all_away(world: World) -> None:
    world.remove(*world.rewards_of("late"))
    world.edit(world.payment("late"), rewards=[])


def second_id(world: World) -> None:
    """A payment is there twice, each with rewards of its own."""
    paid, id = world.payment("second"), "v" * (keys.LONG_ID_LENGTH - 2) + "00"
    shares = []
    for reward in world.rewards_of("second"):
        owner = keys.owner_of(reward)
        made = keys.reward_id(owner, reward["due"], reward["currency"], id, reward["tier"])
        world.put({**reward, **keys.reward(made), "payment": id})
        shares.append([made, reward["amount"]])
    moved = {
        name: paid[name].replace(keys.tie_of(keys.owner_of(paid)), keys.tie_of(id))
        for name in ("listed_at", "waits_at")
    }
    world.put({**paid, **keys.payment(id), **moved, "rewards": shares})


def swap_inside_an_entry(world: World) -> None:
    """What two gifts of one entry are worth, so that their sum stays; each with its payment."""
    gifts = [item for item in world.all("REWARD", source="by-hand") if keys.owner_of(item) == world.alice]
    for reward, amount in zip(gifts, (799, 1), strict=True):
        paid = world.at(keys.payment(reward["payment"]))
        shares = [[keys.owner_of(reward) + reward["sk"], amount]]
        world.edit(reward, amount=amount, base=amount)
        world.say_again({**paid, "amount": amount, "base": amount, "rewards": shares})


def hide(world: World) -> None:
    """A partner who is in no list, with a balance that nothing explains."""
    world.without(world.at(keys.partner(world.bob)), "listed_in", "listed_at")
    world.edit(world.at(keys.balance(world.bob, "USD")), available=10**9)


def own_approval(world: World) -> None:
    made = world.withdrawal("PAYING")
    world.edit(made, steps=[[s, made["requester"] if s == "APPROVED" else by, *rest] for s, by, *rest in made["steps"]])


def second_payout_alone(world: World) -> None:
    """One person let go what two must, by the terms of that moment."""
    made = world.withdrawal("PAYING")
    versions = [world.version(1), world.at(keys.program("default"))]
    assert made["amount"] >= 2_000
    for version in versions:
        terms = {**version["currencies"], "USD": {**version["currencies"]["USD"], "second": 1_000}}
        world.edit(version, currencies=terms)


def upline_of(world: World, customer: str, *partner_ids: str) -> None:
    """Binding and referral name others above the customer, both in the same way."""
    nearest, user, _ = world.referral(customer)["up"][0]
    links: list[Any] = [[id, user if id == nearest else "", []] for id in partner_ids]
    world.edit(world.binding(customer), up=links)
    world.edit(world.referral(customer), up=links)


def as_if_first(world: World) -> None:
    """The customer's second payment is rated like their first, which pays five times as much."""
    (near,) = world.rewards_of("second")[:1]
    paid, base = world.payment("second"), 100_000
    world.edit(near, amount=base // 2, rate=5_000, source="program-first")
    world.edit(paid, rewards=[[keys.owner_of(near) + near["sk"], base // 2]], unearned=[])
    for other in world.rewards_of("second")[1:]:
        world.remove(other)


def own_rates(world: World, *items: Item) -> None:
    for item in items:
        nearest, *above = item["up"]
        world.edit(item, up=[[*nearest[:2], [["", 9_000]]], *above])


def gift_that_grew(world: World) -> None:
    """With all that says how much it is, but for its base."""
    reward, paid = world.gift(), world.at(keys.payment(world.gift()["payment"]))
    shares = [[keys.owner_of(reward) + reward["sk"], 70_000]]
    world.edit(reward, amount=70_000)
    world.say_again({**paid, "amount": 70_000, "base": 70_000, "rewards": shares})


Change = Callable[[World], object]
# What is changed, and what is said about it.
NAMED: dict[str, tuple[Change, str]] = {
    # who may earn
    "an up-line that names another partner": (
        lambda w: w.edit(w.binding(), up=[[MALLORY, "x", []], *w.binding()["up"][1:]]),
        "is not the partner above its customer",
    ),
    "… before anything was paid": (
        lambda w: w.edit(w.binding("erin"), up=[[MALLORY, "x", []], *w.binding("erin")["up"][1:]]),
        "its binding says otherwise who earns",
    ),
    "an up-line in binding and referral, of tier 2": (
        lambda w: upline_of(w, "bob", MALLORY), "its partner mmmm",
    ),
    "another up-line above the partner": (
        lambda w: upline_of(w, "erin", w.bob, MALLORY), "is not what its partner's own referral says",
    ),
    "a binding's depth": (lambda w: w.edit(w.binding(), depth=0), "its binding says otherwise who earns"),
    "a depth in binding and referral": (
        lambda w: w.edit(w.binding("erin"), depth=1).edit(w.referral("erin"), depth=1),
        "says how many tiers earn otherwise than its program's version",
    ),
    "a binding of another version": (lambda w: w.edit(w.binding("erin"), rule=1), "its binding says otherwise"),
    "a version of binding and referral": (
        lambda w: w.edit(w.binding("erin"), rule=1).edit(w.referral("erin"), rule=1),
        "is of version 2 of the program, its customer's are of 1",
    ),
    "a binding removed": (lambda w: w.remove(w.binding()), "nobody is bound to earn from its customer"),
    "a binding closed": (
        lambda w: w.edit(w.binding(), closed="REJECTED"), "its binding is REJECTED",
    ),
    "a binding that ends": (lambda w: w.edit(w.binding(), ended=1), "its binding ends"),
    "a binding of another referral": (
        lambda w: w.edit(w.binding(), referral=w.binding("erin")["referral"]), "is of referral",
    ),
    "own rates in a binding": (
        lambda w: own_rates(w, w.binding("erin")),
        "its binding says otherwise who earns",
    ),
    "own rates in binding and referral": (
        lambda w: own_rates(w, w.binding("erin"), w.referral("erin")),
        "by its rules it is 90000",
    ),
    "a referral removed": (lambda w: w.remove(w.referral()), "its referral is not there"),
    "a referral rejected": (
        lambda w: w.edit(w.referral(), status="REJECTED"), "is REJECTED, and its binding is open",
    ),
    "a referral's customer": (lambda w: w.edit(w.referral("erin"), customer="x"), "nobody is bound"),
    "the code with which they came": (lambda w: w.edit(w.referral("erin"), code="OTHER123"), "its code OTHER123"),
    # by which rule
    "a program's version": (
        lambda w: w.edit(w.version(), rules={**w.version()["rules"], "default": {"tiers": [9000, 1], "first": []}}),
        "by its rules it is 90000",
    ),
    "a program's version removed": (lambda w: w.remove(w.version()), "version 1 of program default is not there"),
    "a program's current limits": (
        lambda w: w.edit(w.at(keys.program("default")), currencies={"JPY": {"minimum": 0}, "USD": {"minimum": 0}}),
        "is not what its version 2 says",
    ),
    "a program's first version lost in the middle": (
        lambda w: w.put({**w.version(2), **keys.program_version("default", 4), "version": 4}), "version 4",
    ),
    "a lower rate, with its amount and share": (lambda w: rate_otherwise(w, "late", 100, 10), "by its rules it is"),
    "a higher rate, with its amount and share": (
        lambda w: rate_otherwise(w, "late", 99_990, 9_999), "by its rules it is",
    ),
    "a second payment as if it were the first": (as_if_first, "by its rules it is"),
    "a payment's time, that makes it the first": (
        lambda w: w.edit(w.payment("second"), occurred=w.payment("first")["occurred"] - 1), "",
    ),
    "another rule than the rate's": (
        lambda w: w.edit(w.rewards_of("late")[0], source="partner"), "of the rule partner",
    ),
    "another version on a reward": (lambda w: w.edit(w.rewards_of("late")[0], rule=2), "is of version 2"),
    "a cap that was lifted": (lambda w: w.edit(w.rewards_of("late")[0], cap=10**9), "is under a cap of"),
    "waiting rewards removed, with their shares": (take_all_away, "by its rules tier 1 earns"),
    "a reward of a stranger": (give_to_stranger, "is not the partner above its customer"),
    "a payment under a second id": (second_id, "of the same name"),
    "amounts moved inside an entry": (swap_inside_an_entry, "does not sum"),
    "a gift that grew": (gift_that_grew, "its base, program, referral or time"),
    "another payout that paid": (
        lambda w: w.edit(w.one("REWARD", status="PAID"), paid_by="nothing"), "which nothing in the journal is",
    ),
    # what must exist
    "the guard of a code": (lambda w: w.edit(w.guard("CODE"), partner=w.alice), "its code"),
    "the guard of a code removed": (lambda w: w.remove(w.guard("CODE")), "its code"),
    "the guard of what a code looks like": (lambda w: w.edit(w.guard("LOOKALIKE"), partner=w.alice), "its code"),
    "the guard of a user": (lambda w: w.edit(w.guard("USER"), partner=w.alice), "its user"),
    "the guard of a user removed": (lambda w: w.remove(w.guard("USER")), "its user"),
    "the payee of a waiting withdrawal": (
        lambda w: w.edit(w.withdrawal("REQUESTED"), method=["z" * 16, 1, "BANK_TRANSFER", "Mallory", "GB…1111"]),
        "its payout method",
    ),
    "the holder of a method that is waited with": (
        lambda w: w.edit(w.method_of(w.withdrawal("REQUESTED")), holder="Mallory"), "its payout method",
    ),
    "payout methods removed": (lambda w: w.remove(*w.all("PARTNER/METHOD")), "its payout method"),
    "a method more than are counted": (
        lambda w: w.put({**w.all("PARTNER/METHOD", type="STRIPE")[0], **keys.method(w.bob, "z" * 16, 1)}),
        "payout methods",
    ),
    "a partner in no list": (hide, "is not in the list of partners"),
    "a partner removed": (lambda w: w.remove(w.at(keys.partner(w.bob))), "is not there"),
    "an entry of a list removed from a payment": (lambda w: w.without(w.payment("late"), *WAITS), "list"),
    "a payment listed as another program's": (
        lambda w: w.edit(w.payment("late"), waits_in=keys.parked_payments()), "list",
    ),
    "a partner listed with another status": (
        lambda w: w.edit(w.at(keys.partner(w.bob)), waits_in=keys.partners_of("SUSPENDED")), "list",
    ),
    "a withdrawal listed with another status": (
        lambda w: w.edit(w.withdrawal("REQUESTED"), waits_in=keys.withdrawals_of("PAID")), "list",
    ),
    "a held reward that nobody finds": (
        lambda w: w.without(next(r for r in w.all("REWARD") if r["held"]), "waits_in", "waits_at"), "list",
    ),
    "an adjustment that nobody finds": (lambda w: w.without(w.one("ADJUSTMENT", status="WAITING"), *WAITS), "list"),
    "a payment that DynamoDB will delete": (lambda w: w.edit(w.payment("p0"), ttl=2**33), "will be deleted"),
    "a reward that DynamoDB will delete": (lambda w: w.edit(w.all("REWARD")[0], ttl=2**33), "will be deleted"),
    "an entry that DynamoDB will delete": (lambda w: w.edit(w.all("JOURNAL")[0], ttl=2**33), "will be deleted"),
    "a withdrawal that DynamoDB will delete": (lambda w: w.edit(w.withdrawal("PAID"), ttl=2**33), "will be deleted"),
    "a binding that DynamoDB will delete": (lambda w: w.edit(w.binding(), ttl=2**33), "will be deleted"),
    "a balance that DynamoDB will delete": (
        lambda w: w.edit(w.at(keys.balance(w.bob, "USD")), ttl=2**33), "will be deleted",
    ),
    "a partner that DynamoDB will delete": (
        lambda w: w.edit(w.at(keys.partner(w.bob)), ttl=2**33), "will be deleted",
    ),
    # who decided
    "who asked is who approved": (own_approval, "APPROVED by who asked for it"),
    "who asked, changed to who approved": (
        lambda w: w.edit(w.withdrawal("PAYING"), requester="ann"), "APPROVED by who asked for it",
    ),
    "the partner approved": (
        lambda w: w.edit(w.withdrawal("PAYING"), requester="x",
                         steps=[[s, w.books.user("bob") if s == "APPROVED" else by, *rest]
                                for s, by, *rest in w.withdrawal("PAYING")["steps"]]),
        "APPROVED by the partner",
    ),
    "a rule approved what it must not": (
        lambda w: w.edit(w.withdrawal("PAYING"), steps=[[s, "system", *rest]
                                                        for s, _, *rest in w.withdrawal("PAYING")["steps"]]),
        "approved by rule",
    ),
    "one person let go what takes two": (second_payout_alone, "one person approved"),
    "who asked for an adjustment posted it": (
        lambda w: w.edit(w.posted(), approver=w.posted()["requester"]),
        "who asked for it posted it",
    ),
    "the partner posted an adjustment": (
        lambda w: w.edit(w.posted(), approver=w.books.user("bob"), decided=w.books.clock()),
        "the partner posted it",
    ),
    "a gift by its partner": (
        lambda w: w.edit(w.at(keys.payment(w.gift()["payment"])), by=w.books.user("bob")), "given by the partner",
    ),
    "a method that its partner vouched for": (
        lambda w: w.edit(next(m for m in w.all("PARTNER/METHOD") if m.get("verified")), verifier=w.books.user("bob")),
        "the partner vouched for it",
    ),
    "a payout that was begun more often": (lambda w: w.edit(w.withdrawal("PAYING"), payout=9), "payouts were begun"),
}  # fmt: skip


def take_back(world: World, *names: str) -> Item:
    return {name: value for name, value in world.one("REWARD", cancelled="BY_HAND").items() if name not in names}


def ignored(world: World) -> Item:
    return next(item for item in world.all("PAYMENT/ROOT") if item["kind"] == "IGNORED")


# What nothing else in the table contradicts, and why that is bearable. Named one day, it leaves this list.
UNSEEN: dict[str, tuple[Change, str]] = {
    "a hold of a person, with its place in the list": (
        lambda w: w.without({**next(r for r in w.all("REWARD") if r["held"] == ["looks odd"]), "held": []}, *WAITS),
        "a person's word: the audit alone has it",
    ),
    "a reward that a person cancelled waits again": (
        lambda w: w.put({**take_back(w, "cancelled", "waits_in", "waits_at"), "status": "PENDING"}),
        "a person's word: the audit alone has it",
    ),
    "a payment removed with its waiting rewards": (
        lambda w: w.remove(w.payment("late"), *w.rewards_of("late")),
        "that it was ever told of is known to its sender, and to the archive of events, alone",
    ),
    "a payment of nobody changed": (
        lambda w: w.edit(ignored(w), amount=1),
        "of what nobody earns from, nothing is checked: it is in no list",
    ),
    "a payment of nobody removed": (
        lambda w: w.remove(ignored(w)), "its repeat would be looked at anew, by the same rules",
    ),
    "another payment under a name": (
        lambda w: w.edit(w.at(keys.payment(w.books.ids.payment("payments", "another name"))),
                         target=w.books.ids.payment("payments", "p3")),
        "which names a provider has for a payment, only the provider knows",
    ),
    "the account of a method": (
        lambda w: w.edit(w.method_of(w.withdrawal("REQUESTED")), cipher=b"another"),
        "it is sealed for this partner and this method: another one cannot be opened, so nobody is paid",
    ),
    "the number of a bank's transfer": (
        lambda w: w.edit(next(m for m in w.all("WITHDRAWAL/ROOT", status="PAID") if m["method"][2] == "BANK_TRANSFER"),
                         transaction="of another one"),
        "a bank's statement may have one number for many transfers",
    ),
    "guards of refunds removed": (
        lambda w: w.remove(*(item for key, item in w.before.items() if key[0].startswith("GUARD#REFUND#"))),
        "older refunds have none; one told for two payments is named by a whole walk",
    ),
    "a limit in every version that says it": (
        lambda w: [w.edit(each, hold_days=0) for each in (w.at(keys.program("default")), w.version(2))],
        "nothing that happened contradicts it: the audit of the program does",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def world(dynamodb_endpoint: str) -> World:
    """For all cases, each of which is put back."""
    return a_world(Books(dynamodb.new_database(dynamodb_endpoint)))


def test_the_world_is_right(world: World) -> None:
    """Nothing is wrong with it before anything is changed."""
    assert world.books.faults() == []


@pytest.mark.parametrize("name", NAMED)
def test_it_is_named(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In words that lead a person to what was changed; put back, all is right again."""
    monkeypatch.setattr(book_checks, "LOOKS", 1)  # nothing moves here
    change, told = NAMED[name]
    try:
        change(world)
        found = [fault.reason for fault in world.books.faults()]
    finally:
        world.restore()
    assert any(told in reason for reason in found), found


@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_not_named_is_listed(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changed, it breaks nothing and is not named: once it is, the list says too little of what is seen."""
    monkeypatch.setattr(book_checks, "LOOKS", 1)
    change, why = UNSEEN[name]
    assert why
    try:
        change(world)
        assert world.touched
        found = world.books.faults()
    finally:
        world.restore()
    assert found == []
