"""Money that came back is said to have come back wherever the state of what it paid is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from refledger.domain.jobs import ExportSubject
from refledger.operations.jobs import export_sources
from refledger.operations.payouts import staff_remedies
from refledger.operations.referring import progress_projection, reads
from refledger.store import keys
from refledger.store.stream import Record
from tests.support.functions import World

OF_PROGRAM = {"programId": "default", "status": "PAID", "limit": "100"}
REWARDS, REFERRALS = "/api/v1/rewards", "/api/v1/referrals"


@dataclass
class Paid:
    """What one payment of a customer came to, which a payout has paid."""

    world: World
    partner: str  # its user
    customer: str
    reward: str
    referral: str
    payout: str

    def staff(self, route: str, **told: Any) -> Any:
        return self.world.admin(route, **told).body

    def own(self, route: str, **told: Any) -> Any:
        return self.world.call(route, sub=self.partner, **told).body

    def note(self) -> Any:
        """Staff write down something."""
        one, named = f"{REWARDS}/{{rewardId}}", {"rewardId": self.reward}
        version = self.staff(f"GET {one}", path=named)["version"]
        return self.staff(f"PATCH {one}", path=named, body={"note": "x"}, headers={"if-match": f'"{version}"'})

    @property
    def id(self) -> str:
        return self.world.books.partner(self.partner).id

    def follow(self) -> None:
        """The stream's reader has come to the reward that was paid."""
        item = self.world.books.table.get(keys.reward(self.reward))
        assert item
        old = {**item, "status": "APPROVED"}
        del old["paid_by"]
        progress_projection.follow(self.world.books.context, [Record("1", self.world.books.clock(), old, item)])

    def comes_back(self) -> None:
        books = self.world.books
        staff_remedies.mark_returned(books.context, self.payout, books.user("ann"), "r2", "account closed", "R-1")


@pytest.fixture
def paid(world: World, somebody: Callable[[], str]) -> Paid:
    """20.00, and a payout of it that came back."""
    partner, customer, books = somebody(), somebody(), world.books
    books.chain(partner, customer)
    books.earn(customer, f"of {customer}", 10_000)
    payout = books.pay_out(partner, 2_000).id
    (reward,) = books.rewards(partner)
    assert (reward.status, reward.paid_by) == ("PAID", payout)
    referral = reads.by_customer(books.context, "default", books.user(customer)).id
    made = Paid(world, partner, customer, reward.id, referral, payout)
    made.follow()
    return made


def exported(paid: Paid, what: ExportSubject) -> Iterator[dict[str, Any]]:
    for _, rows in export_sources.steps(paid.world.books.context, what, {"partnerId": paid.id}, None):
        yield from (dict(zip(export_sources.SOURCES[what].head, row, strict=True)) for row in rows)


def the_one(found: Any) -> Any:
    (one,) = found["data"] if "data" in found else found["results"] if "results" in found else found["rewards"]
    return one


# Where a reward, or a referral, is shown: each as an answer with `status` and `payoutStatus`.
PLACES: dict[str, Callable[[Paid], Any]] = {
    "a reward, to staff": lambda paid: paid.staff(f"GET {REWARDS}/{{rewardId}}", path={"rewardId": paid.reward}),
    "a reward, to its partner": lambda paid: paid.own(f"GET {REWARDS}/{{rewardId}}", path={"rewardId": paid.reward}),
    "its explanation": lambda paid: paid.own(f"GET {REWARDS}/{{rewardId}}/explain", path={"rewardId": paid.reward})[
        "reward"
    ],
    "a note on it": lambda paid: paid.note(),
    "staff's list": lambda paid: the_one(paid.staff(f"GET {REWARDS}", query={"partnerId": paid.id})),
    "a program's list": lambda paid: next(
        each for each in paid.staff(f"GET {REWARDS}", query=OF_PROGRAM)["data"]
        if each["id"] == paid.reward
    ),
    "the partner's list": lambda paid: the_one(paid.own(f"GET {REWARDS}")),
    "a partner's list": lambda paid: the_one(
        paid.staff("GET /api/v1/partners/{partnerId}/rewards", path={"partnerId": paid.id})
    ),
    "my rewards": lambda paid: the_one(paid.own("GET /api/v1/me/rewards")),
    "its payment": lambda paid: the_one(
        {"rewards": paid.staff("GET /api/v1/payments/{paymentId}", path={
            "paymentId": paid.world.books.payment(f"of {paid.customer}").id
        })["rewards"]}
    ),
    "the export of rewards": lambda paid: next(exported(paid, ExportSubject.REWARDS)),
    "a referral, to staff": lambda paid: paid.staff(
        f"GET {REFERRALS}/{{referralId}}", path={"referralId": paid.referral}
    ),
    "a referral, to its partner": lambda paid: paid.own(
        f"GET {REFERRALS}/{{referralId}}", path={"referralId": paid.referral}
    ),
    "a customer's referral": lambda paid: paid.staff(
        f"GET {REFERRALS}/by-customer/{{customerId}}", path={"customerId": paid.customer}
    ),
    "staff's list of referrals": lambda paid: the_one(paid.staff(f"GET {REFERRALS}", query={"partnerId": paid.id})),
    "the partner's list of referrals": lambda paid: the_one(paid.own(f"GET {REFERRALS}")),
    "a partner's list of referrals": lambda paid: the_one(
        paid.staff("GET /api/v1/partners/{partnerId}/referrals", path={"partnerId": paid.id})
    ),
    "my referrals": lambda paid: the_one(paid.own("GET /api/v1/me/referrals")),
    "a referral that is closed": lambda paid: paid.staff(
        f"POST {REFERRALS}/{{referralId}}/close", path={"referralId": paid.referral}, body={"reason": "why"}
    ),
    "the export of referrals": lambda paid: next(exported(paid, ExportSubject.REFERRALS)),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_it_is_said_everywhere(paid: Paid, place: Callable[[Paid], Any]) -> None:
    """PAID by a payout that is PAID, and then by one that came back."""
    before = place(paid)
    assert (before["status"], before["payoutStatus"]) == ("PAID", "PAID")
    paid.comes_back()
    after = place(paid)
    assert (after["status"], after["payoutStatus"]) == ("PAID", "RETURNED")


def test_what_is_paid_anew_is_paid(paid: Paid) -> None:
    """The next payout of the same customer's money is what is said of the referral; what came late changes nothing."""
    paid.comes_back()
    books = paid.world.books
    books.clock.forward(1_000)
    books.earn(paid.customer, f"more of {paid.customer}", 10_000)
    books.pay_out(paid.partner, 4_000)
    newest = max(books.rewards(paid.partner), key=lambda each: each.earned_at_ms)
    item = books.table.get(keys.reward(newest.id))
    assert item
    progress_projection.follow(
        books.context, [Record("2", books.clock(), {**item, "status": "APPROVED", "paid_by": ""}, item)]
    )
    place = PLACES["my referrals"]
    assert place(paid)["payoutStatus"] == "PAID"
    books.clock.at_ms -= 500
    paid.follow()
    books.clock.at_ms += 500
    assert place(paid)["payoutStatus"] == "PAID"


def test_the_repeat_of_a_bulk_call_says_how_it_stands_now(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer that was kept says PAID, and that the payment came back; without the key it is refused in words."""
    books = fresh.books
    books.chain("zoe", "yan")
    books.earn("yan", "of yan", 10_000)
    (reward,) = books.rewards("zoe")
    body = {"rewardIds": [reward.id], "paymentMethod": "PAYPAL", "transactionId": "TX-1"}

    def pay(key: str) -> Any:
        return the_one(fresh.admin(f"POST {REWARDS}/bulk-pay", body=body, headers={"idempotency-key": key}).body)

    first = pay("k1")
    assert (first["status"], first["payoutStatus"]) == ("PAID", "PAID")
    staff_remedies.mark_returned(
        books.context, books.rewards("zoe")[0].paid_by, books.user("eve"), "r2", "account closed", "R-1"
    )
    again = pay("k1")
    assert (again["status"], again["payoutStatus"]) == ("PAID", "RETURNED")
    assert "came back" in pay("k2")["detail"]
    assert books.faults() == []
