"""What clients of the systems before expect: docs/earlier-systems.md, a row each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from refledger.adapters.queues import MaturityQueue
from refledger.domain.errors import Stale
from refledger.domain.partners import PartnerStatus
from refledger.domain.times import DAY_MS
from refledger.entry import config
from refledger.operations.earning import reward_decisions
from refledger.operations.partners import partners
from refledger.operations.referring import lifecycle
from tests.support.functions import Answer, World, assert_problem
from tests.support.queues import Sqs

ADMIN: dict[str, Any] = {"sub": "admin", "groups": ("admin",)}
PARTNER, REFERRAL, REWARD = (
    "/api/v1/partners/{partnerId}",
    "/api/v1/referrals/{referralId}",
    "/api/v1/rewards/{rewardId}",
)


@pytest.fixture
def partner(world: World, somebody: Callable[[], str]) -> dict[str, Any]:
    """Onboarded over HTTP."""
    name = somebody()
    body = {"firstName": "Ada", "lastName": "Lovelace", "email": f"{name}@example.com", "phone": "+44 20 7946 0000"}
    made: dict[str, Any] = world.call("POST /api/v1/partners", body=body, **ADMIN).body
    return made


def on_partner(world: World, partner: dict[str, Any], method: str, body: Any, **who: Any) -> Answer:
    version = world.call(f"GET {PARTNER}", path={"partnerId": partner["id"]}, **ADMIN).body["version"]
    return world.call(
        f"{method} {PARTNER}",
        path={"partnerId": partner["id"]},
        body=body,
        headers={"if-match": f'"{version}"'},
        **(who or ADMIN),
    )


def test_put_says_all_of_a_partner(world: World, partner: dict[str, Any]) -> None:
    """What is left out becomes empty; status, code and rates stay."""
    body = {"firstName": "Ada", "lastName": "King", "email": partner["email"]}
    put = on_partner(world, partner, "PUT", body)
    assert (put.status, put.body["lastName"], put.body["phone"], put.body["status"]) == (200, "King", "", "ACTIVE")
    assert_problem(on_partner(world, partner, "PUT", {"firstName": "Ada"}), 422)


def test_a_status_in_an_update(world: World, partner: dict[str, Any]) -> None:
    """With a reason, by whom the verb would take, and with nothing else."""
    assert_problem(on_partner(world, partner, "PATCH", {"status": "SUSPENDED"}), 422)
    assert_problem(on_partner(world, partner, "PATCH", {"status": "SUSPENDED", "reason": "x", "phone": "1"}), 422)
    assert_problem(on_partner(world, partner, "PATCH", {"reason": "x"}), 422)
    done = on_partner(world, partner, "PATCH", {"status": "suspended", "reason": "asked by the bank"})
    assert (done.status, done.body["status"]) == (200, "SUSPENDED")
    service: dict[str, Any] = {"sub": "shop", "claims": {"scope": "refledger/partners:write"}}
    assert_problem(on_partner(world, partner, "PATCH", {"status": "ACTIVE", "reason": "x"}, **service), 403)


def test_rates_in_an_update_take_an_admin(world: World, partner: dict[str, Any]) -> None:
    """A service may change names, and no rates: /commission takes none either."""
    rates = {"commissionRates": [{"rateBps": 1500}], "reason": "agreed"}
    service: dict[str, Any] = {"sub": "shop", "claims": {"scope": "refledger/partners:write"}}
    assert_problem(on_partner(world, partner, "PATCH", rates, **service), 403)
    done = on_partner(world, partner, "PATCH", rates)
    assert (done.status, done.body["commissionRates"][0]) == (200, 1500)


def test_a_stale_status_is_refused(world: World, partner: dict[str, Any]) -> None:
    """An update is of what was read, whatever it says."""
    old = world.call(
        f"PATCH {PARTNER}",
        path={"partnerId": partner["id"]},
        body={"status": "INACTIVE", "reason": "left"},
        headers={"if-match": '"99"'},
        **ADMIN,
    )
    assert_problem(old, 412)


def test_the_same_status_again_is_so_already(world: World, partner: dict[str, Any]) -> None:
    """An answer that was lost: the repeat says the version that was read then, and is answered."""
    change = {"status": "INACTIVE", "reason": "left"}
    told = {"path": {"partnerId": partner["id"]}, "body": change, "headers": {"if-match": f'"{partner["version"]}"'}}
    first, again = (world.call(f"PATCH {PARTNER}", **told, **ADMIN) for _ in range(2))
    assert (first.status, again.status, again.body) == (200, 200, first.body)


def test_what_was_read_is_what_is_decided(world: World, partner: dict[str, Any], somebody: Callable[[], str]) -> None:
    """Somebody suspends, accepts or writes a note between the look and the decision: it is refused, also in a race."""
    context = world.books.context
    partners.change_status(context, partner["id"], PartnerStatus.SUSPENDED, "fraud", "eve")
    with pytest.raises(Stale):
        partners.change_status(context, partner["id"], PartnerStatus.INACTIVE, "tidy", "ann", version=1)
    partners.change_status(context, partner["id"], PartnerStatus.ACTIVE, "cleared", "ann")
    referral = refer(world, partner, somebody())
    lifecycle.accept(context, referral["id"])
    with pytest.raises(Stale):
        lifecycle.reject(context, referral["id"], "no fit", referral["version"])
    with pytest.raises(Stale):
        lifecycle.expire(context, referral["id"], "", referral["version"])
    body = {"referralId": referral["id"], "conversionValue": 10}
    (reward,) = world.call("POST /api/v1/referrals/process-conversion", body=body, **ADMIN).body["rewards"]
    reward_decisions.amend(context, reward["id"], reward["version"], "do not pay", None, "sue")
    with pytest.raises(Stale):
        reward_decisions.cancel(context, reward["id"], "twice", "ann", reward["version"])


@pytest.mark.parametrize("how", ["verb", "delete", "update"])
def test_a_cancelled_reward_makes_room(fresh: World, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """However it is cancelled, the partner's rewards are looked through once more: others are paid by what was."""
    sqs = Sqs()
    monkeypatch.setattr(config, "maturity_queue", lambda: MaturityQueue(sqs, "queue"))
    fresh.books.partner("bob")
    for amount in (2000, 1500):
        fresh.books.grant("bob", amount)
        fresh.books.clock.forward(2000)
        fresh.books.mature("bob")
    fresh.books.pay_out("bob", 1500)
    (oldest,) = [each for each in fresh.books.rewards("bob") if each.amount == 2000]
    path, headers = {"rewardId": oldest.id}, {"if-match": f'"{oldest.version}"'}
    sqs.batches.clear()
    match how:
        case "verb":
            fresh.call(f"POST {REWARD}/cancel", path=path, body={"note": "n"}, **ADMIN)
        case "delete":
            fresh.call(f"DELETE {REWARD}", path=path, **ADMIN)
        case _:
            body = {"status": "CANCELLED", "note": "n"}
            fresh.call(f"PATCH {REWARD}", path=path, body=body, headers=headers, **ADMIN)
    assert len(sqs.batches) == 1


def refer(world: World, partner: dict[str, Any], customer: str) -> dict[str, Any]:
    body = {"partnerId": partner["id"], "source": "website", "customerId": customer}
    made: dict[str, Any] = world.call("POST /api/v1/referrals", body=body, **ADMIN).body
    return made


def on_referral(world: World, referral: dict[str, Any], method: str, body: Any) -> Answer:
    path = {"referralId": referral["id"]}
    version = world.call(f"GET {REFERRAL}", path=path, **ADMIN).body["version"]
    return world.call(f"{method} {REFERRAL}", path=path, body=body, headers={"if-match": f'"{version}"'}, **ADMIN)


def test_a_referral_is_put_and_decided(world: World, partner: dict[str, Any], somebody: Callable[[], str]) -> None:
    """PUT says all of it; a status goes with its reason alone."""
    referral = refer(world, partner, somebody())
    put = on_referral(world, referral, "PUT", {"source": "PHONE", "campaign": "spring"})
    assert (put.status, put.body["source"], put.body["campaign"]) == (200, "PHONE", "spring")
    assert on_referral(world, referral, "PUT", {"source": "PHONE"}).body["campaign"] == ""
    assert on_referral(world, referral, "PATCH", {"status": "ACCEPTED"}).body["status"] == "ACCEPTED"
    assert_problem(on_referral(world, referral, "PATCH", {"status": "REJECTED"}), 422)
    assert_problem(on_referral(world, referral, "PATCH", {"status": "PAID"}), 422)
    assert_problem(on_referral(world, referral, "PATCH", {"status": "ACCEPTED", "note": "x"}), 422)
    gone = on_referral(world, referral, "PATCH", {"status": "REJECTED", "reason": "no budget"})
    assert (gone.body["status"], gone.body["reason"]) == ("REJECTED", "no budget")


def test_the_id_may_be_in_the_body(world: World, partner: dict[str, Any], somebody: Callable[[], str]) -> None:
    """Of the referral that converted, and of the reward that was paid by itself."""
    referral = refer(world, partner, somebody())
    path = "POST /api/v1/referrals/process-conversion"
    body = {"referralId": referral["id"], "conversionValue": 1000.0}
    converted = world.call(path, body=body, **ADMIN)
    assert (converted.status, converted.body["status"]) == (200, "CONVERTED")
    again = world.call(path, body=body, **ADMIN)
    assert again.body["rewards"] == converted.body["rewards"]
    assert_problem(world.call(path, body={**body, "referralId": "of-nobody"}, **ADMIN), 404)

    (reward,) = converted.body["rewards"]
    paid = world.call(
        "POST /api/v1/rewards/process-payment",
        body={"rewardId": reward["id"], "paymentMethod": "PAYPAL", "transactionId": "TX-1"},
        sub="payer",
        groups=("finance",),
    )
    assert paid.status in (200, 409), paid.body  # 409: it is above what one person may pay, or has not matured
    nobody = {"rewardId": "of-nobody", "paymentMethod": "PAYPAL", "transactionId": "TX-1"}
    assert_problem(world.call("POST /api/v1/rewards/process-payment", body=nobody, **ADMIN), 404)


def test_a_reward_is_put_cancelled_and_deleted(
    world: World, partner: dict[str, Any], somebody: Callable[[], str]
) -> None:
    """DELETE cancels for good, and the reward stays; PATCH does with a note what /cancel does."""
    made = []
    for _ in range(2):
        body = {"referralId": refer(world, partner, somebody())["id"], "conversionValue": 10}
        made += world.call("POST /api/v1/referrals/process-conversion", body=body, **ADMIN).body["rewards"]
    first, second = made

    def on(reward: dict[str, Any], method: str, body: Any = None, **more: Any) -> Answer:
        path = {"rewardId": reward["id"]}
        version = world.call(f"GET {REWARD}", path=path, **ADMIN).body["version"]
        headers = {"if-match": f'"{version}"'}
        return world.call(f"{method} {REWARD}", path=path, body=body, headers=headers, **ADMIN, **more)

    assert on(first, "PUT", {"note": "seen"}).body["note"] == "seen"
    assert_problem(on(first, "PUT", {}), 422)
    assert on(first, "PUT", {"note": ""}).body["note"] is None
    gone = on(first, "DELETE", query={"note": "entered twice"})
    assert (gone.status, gone.body["status"], gone.body["note"]) == (200, "CANCELLED", "entered twice")
    assert on(first, "DELETE").body == gone.body
    assert_problem(on(second, "PATCH", {"status": "CANCELLED"}), 422)
    assert_problem(on(second, "PATCH", {"status": "PAID"}), 422)
    assert on(second, "PATCH", {"status": "CANCELLED", "note": "a mistake"}).body["cancelled"] == "BY_HAND"


@pytest.mark.parametrize("amount", [10.0, "10.00", "1000"])
def test_an_amount_in_major_units_is_told_its_unit(world: World, partner: dict[str, Any], amount: Any) -> None:
    """Ten dollars are 1000, and whoever writes 10.0 is told so."""
    body = {"partnerId": partner["id"], "amount": amount, "currency": "USD", "reason": "spoke"}
    refused = world.call("POST /api/v1/rewards", body=body, **ADMIN)
    assert_problem(refused, 422)
    assert refused.body["errors"] == [
        {"field": "amount", "message": "a whole number of minor units: USD 10.00 is 1000"}
    ] or "minor units: USD 10.00 is 1000" in str(refused.body)


@pytest.mark.parametrize("rate", [15.0, "15", "15%"])
def test_a_rate_in_per_cent_is_told_its_unit(world: World, partner: dict[str, Any], rate: Any) -> None:
    """Fifteen per cent are 1500, wherever rates are said."""
    told = "a whole number of hundredths of a per cent: 15 % is 1500"
    refused = on_partner(world, partner, "PATCH", {"commissionRates": [{"rateBps": rate}], "reason": "agreed"})
    assert_problem(refused, 422)
    assert [each["message"] for each in refused.body["errors"]] == [told]
    program = world.call("POST /api/v1/programs", body={"id": "of-before", "tierRatesBps": [rate]}, **ADMIN)
    assert_problem(program, 422)
    assert told in str(program.body)


def test_an_update_says_what_it_read(world: World, partner: dict[str, Any]) -> None:
    """Without `If-Match` nothing is changed, by PATCH or PUT, and the answer says what is missing."""
    for method, body in (("PATCH", {"phone": "1"}), ("PUT", {"firstName": "A", "lastName": "B", "email": "a@b.cd"})):
        refused = world.call(f"{method} {PARTNER}", path={"partnerId": partner["id"]}, body=body, **ADMIN)
        assert_problem(refused, 428)
        assert "If-Match" in refused.body["detail"]


def test_who_made_a_reward_does_not_pay_it(world: World, partner: dict[str, Any], somebody: Callable[[], str]) -> None:
    """The conversion and its payment are two people's, whatever the amount."""
    body = {"referralId": refer(world, partner, somebody())["id"], "conversionValue": 10}
    (reward,) = world.call("POST /api/v1/referrals/process-conversion", body=body, **ADMIN).body["rewards"]
    world.books.clock.forward(400 * DAY_MS)
    world.call(
        "POST /api/v1/rewards/{rewardId}/approve", path={"rewardId": reward["id"]}, sub="other", groups=("admin",)
    )
    pay = {"rewardId": reward["id"], "paymentMethod": "PAYPAL", "transactionId": "TX-1"}
    refused = world.call("POST /api/v1/rewards/process-payment", body=pay, **ADMIN)
    assert_problem(refused, 409)
    assert refused.code == "SECOND_PERSON_NEEDED"


def test_what_changed_says_when(world: World, partner: dict[str, Any], somebody: Callable[[], str]) -> None:
    """Partners and referrals: made and changed at one moment until somebody changes them."""
    referral = refer(world, partner, somebody())
    for path, what, changes in ((PARTNER, partner, {"phone": "+44 1"}), (REFERRAL, referral, {"note": "called"})):
        name = path.rpartition("{")[2].rstrip("}")
        before = world.call(f"GET {path}", path={name: what["id"]}, **ADMIN).body
        assert before["updatedAt"] == before["createdAt"]
        world.books.clock.forward(1000)
        headers = {"if-match": f'"{before["version"]}"'}
        after = world.call(f"PATCH {path}", path={name: what["id"]}, body=changes, headers=headers, **ADMIN).body
        assert before["createdAt"] == after["createdAt"] < after["updatedAt"]
        assert world.call(f"GET {path}", path={name: what["id"]}, **ADMIN).body == after
