"""API keys over HTTP: shown once, good for their scopes and no more, and gone from the moment they are revoked."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from refledger.domain import api_keys as domain
from refledger.domain.times import DAY_MS, HOUR_MS, iso
from refledger.entry import access, config
from refledger.operations import api_keys as operations
from refledger.operations.proof import audit_projection
from refledger.store import keys
from refledger.store.transaction import RetryableConflict
from tests.support import keyed, streams
from tests.support.functions import ANY_REQUEST, Answer, World, assert_problem, load
from tests.support.keyed import Called, ask

K = "/api/v1/api-keys"
ONE = f"{K}/{{apiKeyId}}"
PROGRAMS = "/api/v1/programs"
EVERYTHING = sorted(access.SCOPES)


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> Called:
    return keyed.calling(monkeypatch)


def make(world: World, *scopes: str, **told: Any) -> dict[str, Any]:
    body = {"name": "Shop", "scopes": list(scopes or ["programs:read"]), **told.pop("more", {})}
    made = world.admin(f"POST {K}", body=body, **told)
    assert made.status == 201, made
    found: dict[str, Any] = made.body
    return found


def of(made: dict[str, Any]) -> dict[str, str]:
    return {"apiKeyId": made["id"]}


def programs(world: World, key: str | None, **told: Any) -> Answer:
    return ask(world, "GET", PROGRAMS, key, **told)


def kept(world: World) -> str:
    """All that is in the table, as text."""
    items = world.books.client.scan(TableName=world.books.table_name)["Items"]
    return json.dumps(items, default=str)


# ---------------------------------------------------------------- made, and shown once


def test_a_key_is_shown_once_and_kept_nowhere(world: World, called: Called, caplog: pytest.LogCaptureFixture) -> None:
    """Neither in the table, nor in what lists and reads answer, nor in a log."""
    with caplog.at_level(logging.DEBUG):
        made = make(world, "partners:read", "programs:read", more={"validDays": 30})
        text = made["key"]
        assert programs(world, text).status == 200
    assert domain.FORM.fullmatch(text)
    assert (text.startswith(made["prefix"]), text[-4:]) == (True, made["lastFour"])
    assert made["status"] == "ACTIVE"
    assert made["livemode"] is False
    assert text.startswith("rl_test_")
    secret = text[len(made["prefix"]) :]
    for told in (
        world.admin(f"GET {ONE}", path=of(made)).body,
        world.admin(f"GET {K}").body,
        kept(world),
        [record.__dict__ for record in caplog.records],
    ):
        assert secret not in str(told)
    assert domain.hashed(text) in kept(world)


def test_a_repeat_makes_no_other_and_shows_nothing(world: World, somebody: Callable[[], str]) -> None:
    """What was shown once is not kept, so a repeat cannot show it: it says which key it made."""
    tag = {"idempotency-key": somebody()}
    first, again = make(world, headers=tag), make(world, headers=tag)
    assert first["key"]
    assert (again["key"], again["id"]) == (None, first["id"])
    other = world.admin(f"POST {K}", body={"name": "Other", "scopes": ["programs:read"]}, headers=tag)
    assert_problem(other, 422)
    assert other.code == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    "scopes", [[], ["admin"], ["programs:write"], ["programs:read"] * 2, ["refledger/programs:read"], "programs:read"]
)
def test_only_scopes_of_services_can_be_given(world: World, scopes: Any) -> None:
    """Nobody gives away what no service may have."""
    assert_problem(world.admin(f"POST {K}", body={"name": "Shop", "scopes": scopes}), 422)


def test_only_admins_have_to_do_with_keys(world: World) -> None:
    """Finance and support have not, nor has a service, whatever its scopes."""
    all_scopes = {"sub": "service", "claims": {"scope": " ".join(f"refledger/{each}" for each in EVERYTHING)}}
    for who in ({"groups": ("finance",)}, {"groups": ("support",)}, {}, all_scopes):
        for route in [route for route in access.ROUTES if K in route]:
            body = {"name": "Shop", "scopes": ["programs:read"]} if route == f"POST {K}" else None
            assert world.call(route, path={"apiKeyId": "a" * 16}, body=body, **who).status == 403


def test_no_more_than_so_many(fresh: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are revoked do not count."""
    monkeypatch.setattr(operations, "MAX_KEYS", 2)
    first, _ = make(fresh), make(fresh)
    body = {"name": "Shop", "scopes": ["programs:read"]}
    refused = fresh.admin(f"POST {K}", body=body)
    assert (refused.status, refused.code) == (409, "TOO_MANY_API_KEYS")
    assert fresh.admin(f"DELETE {ONE}", path=of(first)).body["status"] == "REVOKED"
    assert make(fresh)["key"]


def test_the_list_pages_newest_first(fresh: World) -> None:
    made = []
    for _ in range(3):
        made.append(make(fresh)["id"])
        fresh.books.clock.forward(1)
    first = fresh.admin(f"GET {K}", query={"limit": "2"}).body
    rest = fresh.admin(f"GET {K}", query={"limit": "2", "cursor": first["nextCursor"]}).body
    assert [each["id"] for each in (*first["data"], *rest["data"])] == made[::-1]
    assert rest["nextCursor"] is None


# ---------------------------------------------------------------- what it opens


def test_a_key_opens_what_its_scopes_do(world: World, called: Called) -> None:
    """The route's own function answers, and the key does not get that far."""
    text = make(world)["key"]
    answer = programs(world, text)
    assert answer.status == 200
    assert [each["id"] for each in answer.body["data"]] == ["default"]
    assert "ratelimit" in answer.headers
    assert text not in json.dumps(called.asked)
    (event,) = called.asked
    assert (event["routeKey"], event["rawPath"]) == (f"GET {PROGRAMS}", PROGRAMS)
    refused = ask(world, "GET", "/api/v1/partners", text)
    assert (refused.status, refused.code) == (403, "FORBIDDEN")


def test_a_key_opens_nothing_that_is_for_people(world: World, called: Called) -> None:
    """The attack: an admin's key with every scope decides about no money, makes no key, and is nobody's own sign-in."""
    made = make(world, *EVERYTHING)
    world.admin(f"POST {ONE}/confirm", path=of(made), sub="second")
    for route, told in access.ROUTES.items():
        if told is None or told.scope or told.embedded:
            continue
        method, path = route.split()
        answer = ask(world, method, path.replace("{", "").replace("}", ""), made["key"], body={})
        assert (answer.status, answer.code) == (403, "FORBIDDEN"), route


def test_a_key_whose_scopes_are_gone_is_nobody(world: World, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release that knows its scope no more must not take it for somebody who is signed in: its maker, say."""
    made = make(world, "statistics:read")
    monkeypatch.setattr("refledger.entry.tokens.SCOPES", access.SCOPES - {"statistics:read"})
    assert ask(world, "GET", "/api/v1/me", made["key"]).status == 403
    assert programs(world, made["key"]).status == 403


def test_head_and_options_are_answered(world: World, called: Called) -> None:
    text = make(world)["key"]
    head = ask(world, "HEAD", PROGRAMS, text)
    assert (head.status, head.body) == (200, None)
    options = ask(world, "OPTIONS", PROGRAMS, text)
    assert (options.status, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    wrong = ask(world, "PATCH", PROGRAMS, text)
    assert (wrong.status, wrong.code) == (405, "METHOD_NOT_ALLOWED")
    for path in ("/api/v1/nothing", "/api/v1/openapi.json", "/docs", "/", "/keyed/api/v1/programs"):
        assert ask(world, "GET", path, text).status == 404


def test_what_a_key_makes_is_where_the_answer_says(world: World, called: Called, somebody: Callable[[], str]) -> None:
    """`Location` is below the address that keys call."""
    text = make(world, "partners:read", "partners:write")["key"]
    person = {"firstName": "Ada", "lastName": "Example", "email": f"{somebody()}@example.com"}
    made = ask(world, "POST", "/api/v1/partners", text, body=person)
    assert made.status == 201
    assert made.headers["location"] == f"/keyed/api/v1/partners/{made.body['id']}"
    assert ask(world, "GET", made.headers["location"].removeprefix("/keyed"), text).status == 200


def test_two_keys_of_one_person_repeat_each_their_own(
    world: World, called: Called, somebody: Callable[[], str]
) -> None:
    """An Idempotency-Key is the caller's: what one integration calls 1 is not what another does."""
    tag, made = {"idempotency-key": "1"}, []
    for text in (make(world, "partners:write")["key"], make(world, "partners:write")["key"]):
        person = {"firstName": "Ada", "lastName": "Example", "email": f"{somebody()}@example.com"}
        first, again = (ask(world, "POST", "/api/v1/partners", text, body=person, headers=tag) for _ in range(2))
        assert (first.status, again.status, again.body["id"]) == (201, 201, first.body["id"])
        made.append(first.body["id"])
    assert made[0] != made[1]


def test_calls_are_counted_by_key(world: World, called: Called, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy integration does not shut its maker out."""
    made, counted = make(world), list[str]()
    take = config.limits().take

    def noted(context: Any, caller: str, *told: Any) -> Any:
        counted.append(caller)
        return take(context, caller, *told)

    monkeypatch.setattr(config.limits(), "take", noted)
    assert programs(world, made["key"]).status == 200
    assert counted == [f"api-key-{made['id']}"]


# ---------------------------------------------------------------- what is refused, all alike


def refused(world: World, key: str | None, **told: Any) -> dict[str, Any]:
    answer = programs(world, key, **told)
    assert_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"
    return {**answer.body, **ANY_REQUEST}


def test_whatever_is_wrong_with_a_key_is_said_alike(fresh: World, called: Called) -> None:
    """Unknown, mistyped, of the other mode, expired, revoked, rotated away, waiting: one text, nothing asked."""
    good, ended, gone, rotated = make(fresh), make(fresh, more={"validDays": 1}), make(fresh), make(fresh)
    waiting = make(fresh, "events:write")["key"]
    fresh.admin(f"DELETE {ONE}", path=of(gone))
    fresh.admin(f"POST {ONE}/rotate", path=of(rotated), body={"overlapHours": 0})
    fresh.books.clock.forward(DAY_MS)
    text = good["key"]
    swapped = text[:-8] + ("0" if text[-8] != "0" else "1") + text[-7:]
    other = domain.text_of(good["id"], b"x" * domain.SECRET_BYTES, live=False)
    unknown = domain.text_of("0" * 16, b"x" * domain.SECRET_BYTES, live=False)
    live = domain.text_of(good["id"], b"x" * domain.SECRET_BYTES, live=True)
    bad = [
        None, "", "x", text + "0", text[:-1], text.upper(), swapped, other, unknown, live, ended["key"], gone["key"],
        rotated["key"], waiting, "é" * 63, "rl_test_" + "0" * 55,
    ]  # fmt: skip
    said = [refused(fresh, each) for each in bad]
    said.append(refused(fresh, None, headers={"authorization": f"Basic {text}"}))
    assert all(each == said[0] for each in said)
    assert called.asked == []
    assert programs(fresh, text).status == 200


def test_a_key_of_the_other_mode_opens_nothing(fresh: World, called: Called) -> None:
    """A table that is given to a live stack brings no test keys along."""
    text = make(fresh)["key"]
    fresh.variables["STRIPE_MODE"] = "live"
    refused(fresh, text)
    live = make(fresh)
    assert (live["key"].startswith("rl_live_"), live["livemode"]) == (True, True)
    assert programs(fresh, live["key"]).status == 200


def test_a_token_is_no_key(world: World, called: Called) -> None:
    """A token of the issuer, whose signature nobody has checked here, opens nothing below /keyed."""
    refused(world, "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2ln")
    claims = {"jwt": {"claims": {"sub": "admin", "token_use": "access", "cognito:groups": "[admin]"}}}
    event = world.event(keyed.ROUTE, sub=None)
    event["requestContext"]["authorizer"] = claims
    assert load("dispatch").handler(event, None)["statusCode"] == 401


def test_a_token_says_nothing_of_keys(world: World) -> None:
    """What only `dispatch` tells is not read from a token's claims, whatever an issuer lets people write there."""
    told = {"apiKey": {"id": "a" * 16, "madeBy": "x", "scopes": EVERYTHING}, "madeBy": "x", "scopes": "ledger:read"}
    assert world.call(f"GET {PROGRAMS}", claims=told).status == 403


# ---------------------------------------------------------------- revoked, rotated, confirmed


def test_a_revoked_key_opens_nothing_from_the_next_call_on(world: World, called: Called) -> None:
    made = make(world)
    assert programs(world, made["key"]).status == 200
    gone = world.admin(f"DELETE {ONE}", path=of(made), sub="second")
    assert (gone.status, gone.body["status"]) == (200, "REVOKED")
    assert gone.body["revokedBy"] == world.books.user("second")
    refused(world, made["key"])
    again = world.admin(f"DELETE {ONE}", path=of(made))
    assert again.body == gone.body
    for verb in ("confirm", "rotate"):
        assert world.admin(f"POST {ONE}/{verb}", path=of(made)).status in (403, 409)


def test_a_rotation_overlaps(fresh: World, called: Called) -> None:
    """Both open for as long as was said, then the new one alone; Idempotency-Keys go on."""
    made = make(fresh)
    rotated = fresh.admin(f"POST {ONE}/rotate", path=of(made), body={"overlapHours": 2}).body
    assert rotated["id"] == made["id"]
    assert [each["lastFour"] for each in rotated["formerSecrets"]] == [made["lastFour"]]
    assert (programs(fresh, made["key"]).status, programs(fresh, rotated["key"]).status) == (200, 200)
    fresh.books.clock.forward(2 * HOUR_MS)
    refused(fresh, made["key"])
    assert programs(fresh, rotated["key"]).status == 200
    assert fresh.admin(f"GET {ONE}", path=of(made)).body["formerSecrets"] == []


def test_a_rotation_whose_answer_was_lost_takes_nothing_from_the_key_in_use(fresh: World, called: Called) -> None:
    """The repeat changes nothing; the next rotation leaves the one that everybody uses to its own end."""
    made, tag = make(fresh), {"idempotency-key": "lost"}
    lost, again = (fresh.admin(f"POST {ONE}/rotate", path=of(made), body={}, headers=tag) for _ in range(2))
    assert (again.status, again.body["key"], again.headers["idempotent-replayed"]) == (200, None, "true")
    found = fresh.admin(f"POST {ONE}/rotate", path=of(made), body={}).body["key"]
    assert {programs(fresh, text).status for text in (made["key"], lost.body["key"], found)} == {200}


def test_a_rotation_without_overlap_ends_all_before_it(fresh: World, called: Called) -> None:
    """Where the text was seen by somebody, those before must not live on."""
    made = make(fresh)
    second = fresh.admin(f"POST {ONE}/rotate", path=of(made), body={"overlapHours": 168}).body["key"]
    third = fresh.admin(f"POST {ONE}/rotate", path=of(made), body={"overlapHours": 0}).body["key"]
    refused(fresh, made["key"])
    refused(fresh, second)
    assert programs(fresh, third).status == 200


def test_an_overlap_lengthens_no_end(fresh: World) -> None:
    """Who rotates again cannot keep an older secret alive."""
    made = make(fresh)
    fresh.admin(f"POST {ONE}/rotate", path=of(made), body={"overlapHours": 1})
    told = fresh.admin(f"POST {ONE}/rotate", path=of(made), body={"overlapHours": 100}).body["formerSecrets"]
    assert [each["lastFour"] for each in told][-1] == made["lastFour"]
    assert told[-1]["expiresAt"] < told[0]["expiresAt"]


def test_not_too_many_secrets_open_at_once(fresh: World) -> None:
    made = make(fresh)
    for _ in range(domain.MAX_SECRETS - 1):
        assert fresh.admin(f"POST {ONE}/rotate", path=of(made), body={}).status == 200
    refused_ = fresh.admin(f"POST {ONE}/rotate", path=of(made), body={})
    assert (refused_.status, refused_.code) == (409, "CONFLICT")
    assert fresh.admin(f"POST {ONE}/rotate", path=of(made), body={"overlapHours": 0}).status == 200


def test_only_its_maker_gets_a_new_secret(world: World) -> None:
    """Who answers for a key is who has it: another admin makes one of their own."""
    made = make(world)
    taken = world.admin(f"POST {ONE}/rotate", path=of(made), sub="second")
    assert (taken.status, taken.code) == (403, "FORBIDDEN")


def test_one_admin_alone_makes_no_key_that_is_believed(world: World, called: Called) -> None:
    """What `events:write` tells has no limit of a person: the maker cannot confirm it, another admin can, once."""
    made = make(world, "events:write", "programs:read")
    assert made["status"] == "WAITING"
    alone = world.admin(f"POST {ONE}/confirm", path=of(made))
    assert (alone.status, alone.code) == (409, "SECOND_PERSON_NEEDED")
    refused(world, made["key"])
    for _ in range(2):
        confirmed = world.admin(f"POST {ONE}/confirm", path=of(made), sub="second")
        assert (confirmed.status, confirmed.body["status"]) == (200, "ACTIVE")
    assert programs(world, made["key"]).status == 200
    third = world.admin(f"POST {ONE}/confirm", path=of(made), sub="third")
    assert (third.status, third.code) == (409, "ALREADY_DECIDED")


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_what_is_over_is_not_confirmed(fresh: World, how: str) -> None:
    made = make(fresh, "events:write", more={"validDays": 1})
    if how == "expired":
        fresh.books.clock.forward(DAY_MS)
        assert fresh.admin(f"GET {ONE}", path=of(made)).body["status"] == "EXPIRED"
    else:
        fresh.admin(f"DELETE {ONE}", path=of(made))
    assert fresh.admin(f"POST {ONE}/confirm", path=of(made), sub="second").status == 409


# ---------------------------------------------------------------- when it was used, and who did what


def test_use_is_noted_once_an_hour(fresh: World, called: Called) -> None:
    """A read that costs a write each time would cost more than the read."""
    made = make(fresh)
    place, written = keys.api_key(made["id"]), list[Any]()

    def used() -> Any:
        assert programs(fresh, made["key"]).status == 200
        return fresh.books.table.get(place)["last_used"]  # type: ignore[index]

    first = fresh.books.clock()
    fresh.books.clock.forward(1)
    for _ in range(2):
        written.append(used())
    fresh.books.clock.forward(HOUR_MS - 1)
    written.append(used())
    fresh.books.clock.forward(1)
    written.append(used())
    assert written == [first + 1] * 3 + [first + 1 + HOUR_MS]
    assert fresh.admin(f"GET {ONE}", path=of(made)).body["lastUsedAt"] == iso(first + 1 + HOUR_MS)


@pytest.mark.parametrize("error", [RetryableConflict(), ClientError({"Error": {"Code": "x", "Message": ""}}, "x")])
def test_a_use_that_cannot_be_noted_stops_no_call(
    world: World, called: Called, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    made = make(world)

    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr("refledger.store.api_keys.use", fails)
    assert programs(world, made["key"]).status == 200


def test_rotating_forgets_no_use(fresh: World, called: Called) -> None:
    """The use that is noted between a rotation's read and its write stays."""
    made = make(fresh)
    programs(fresh, made["key"])
    fresh.admin(f"POST {ONE}/rotate", path=of(made), body={})
    assert fresh.admin(f"GET {ONE}", path=of(made)).body["lastUsedAt"]


def test_the_audit_says_who_did_what_and_no_secret(fresh: World, called: Called) -> None:
    """Made, rotated and revoked are told, its use is not; what it did is told by its id, and its maker's."""
    made = make(fresh, "partners:write")
    made_by = fresh.books.user("admin")
    person = {"firstName": "Ada", "lastName": "Example", "email": "ada@example.com"}
    partner = ask(fresh, "POST", "/api/v1/partners", made["key"], body=person).body["id"]
    fresh.admin(f"POST {ONE}/rotate", path=of(made), body={})
    fresh.admin(f"DELETE {ONE}", path=of(made))
    told = audit_of(fresh, made["id"])
    assert [entry.operation for entry in told] == [
        f"POST {K}", f"POST {ONE}/rotate", f"DELETE {ONE}"
    ]  # fmt: skip
    assert {entry.type for entry in told} == {"API_KEY"}
    assert domain.hashed(made["key"]) not in str(told)
    (entry,) = audit_of(fresh, partner)
    assert (entry.actor, entry.kind) == (made_by, f"api key {made['id']}")


def audit_of(world: World, entity: str) -> list[Any]:
    records = streams.records(world.books.client, world.books.table_name)
    found = [audit_projection.entry_of(record) for record in records]
    return [entry for entry in found if entry and entry.entity == entity]


# ---------------------------------------------------------------- who answers for it

R = "/api/v1/referrals"
LIMIT = 50_000  # `adjustmentLimit` of one person's day


def convert(world: World, text: str, name: str, value: int, enter: bool = True) -> Any:
    """What a key says to have converted for `value`: the reward that comes of it, 20 %."""
    partner = world.books.partner(name).id
    entered = ask(world, "POST", R, text, body={"partnerId": partner, "source": "PHONE"})
    assert entered.status == 201, entered
    body = {"conversionValue": {"amount": value, "currency": "USD"}}
    told = ask(world, "POST", f"{R}/{entered.body['id']}/process-conversion", text, body=body)
    assert told.status == 200, told
    (reward,) = world.books.rewards(name)
    return reward


@pytest.fixture
def limited(fresh: World, called: Called) -> World:
    fresh.books.change_program(adjustment_limit=LIMIT, conversion_limit=None)
    return fresh


def test_many_keys_make_no_more_than_one_person_may(limited: World) -> None:
    """The attack: a key for each conversion. The sum of the day is their maker's, and what passes it is held."""
    first, second = (make(limited, "referrals:write")["key"] for _ in range(2))
    assert convert(limited, first, "bob", 5 * LIMIT).held == ()
    assert convert(limited, second, "eve", 5 * LIMIT).held != ()


def test_the_maker_of_a_key_lets_out_nothing_that_it_made(limited: World) -> None:
    """What a key gave a partner bars its maker from paying them, as if it were their own gift."""
    reward = convert(limited, make(limited, "referrals:write")["key"], "bob", 100)
    body = {"paymentMethod": "CASH", "transactionId": "cash"}
    route = "POST /api/v1/rewards/{rewardId}/process-payment"
    limited.books.mature("bob")
    barred = limited.admin(route, path={"rewardId": reward.id}, body=body)
    assert (barred.status, barred.code) == (409, "SECOND_PERSON_NEEDED")
    assert limited.admin(route, path={"rewardId": reward.id}, body=body, sub="second").status == 200


def test_a_key_refers_nobody_to_its_maker(world: World, called: Called) -> None:
    """Who earns cannot have a key say what they may not."""
    text = make(world, "referrals:write")["key"]
    own = world.books.partner("admin").id
    refused_ = ask(world, "POST", R, text, body={"partnerId": own, "source": "PHONE", "customerId": "someone"})
    assert (refused_.status, refused_.code) == (403, "FORBIDDEN")


def test_a_key_says_not_who_signs_in(world: World, called: Called, somebody: Callable[[], str]) -> None:
    """That a person must do, whoever made the key."""
    text = make(world, "partners:write")["key"]
    person = {"firstName": "A", "lastName": "B", "email": f"{somebody()}@example.com", "sub": somebody()}
    refused_ = ask(world, "POST", "/api/v1/partners", text, body=person)
    assert (refused_.status, refused_.code) == (403, "FORBIDDEN")
