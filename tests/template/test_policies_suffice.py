"""Each role allows what its function does and no more: a whole story is told under the roles' policies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from refledger.domain import uplines
from refledger.domain.audit import HIDDEN
from refledger.domain.duties import Act
from refledger.entry import access
from refledger.store import statistics
from tests.support import dynamodb
from tests.template.deployed import FUNCTIONS
from tests.template.policy import Role
from tests.template.scenario_corrections import correct
from tests.template.scenario_jobs import export_and_import
from tests.template.scenario_leads import hear
from tests.template.scenario_referrals import refer
from tests.template.scenario_review import audited, review, unaudited, uncalled
from tests.template.story import CDN_SECRET, HASH_KEY, LEAD_SECRETS, METHOD, STRIPE_SECRETS, Story, tell


@pytest.fixture(scope="module")
def story(dynamodb_endpoint: str) -> Iterator[Story]:
    """The story, told: it fails where a function needs more than its role allows."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(uplines, "SPARE", 0)  # a list is full with the first that it counts
        monkeypatch.setattr(statistics, "FOLDED_FROM", 1)  # a closed day is folded at once
        monkeypatch.setattr(statistics, "FEW_PARTS", 0)
        monkeypatch.setattr(statistics, "LOOKED_AT_EACH", 1)
        told = Story(dynamodb.new_database(dynamodb_endpoint), monkeypatch)
        tell(told)
        correct(told)
        export_and_import(told)
        refer(told)
        hear(told)
        review(told)
        yield told


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_allows_what_is_needed_and_no_more(story: Story, name: str) -> None:
    """Nothing that the function does is refused, and everything that its role grants was needed."""
    role = story.roles[name]
    if name == "dispatch":  # it calls functions, which no story plays; which ones it may call: test_api.py
        assert {grant.split()[0] for grant in role.unused()} == {"lambda:InvokeFunction"}
        return
    assert role.used or name in ("docs", "web"), "which only read their own files"
    assert role.refused == []
    assert role.unused() == set()


def test_whatever_somebody_changes_is_audited(story: Story) -> None:
    """Each route that changes something was called, and left an entry that names the request."""
    assert uncalled(story) == set()
    assert unaudited(story) == set()


def test_where_a_duty_is_looked_at_the_sign_in_is_fresh(story: Story) -> None:
    """By what the functions do, not by a list: nobody decides about money in a session that was left open."""
    asked = {(route, act) for route, act in story.decided if access.ROUTES.get(route)}
    assert len({act for _, act in asked}) > 25, "the story decides about nearly everything"
    assert {(route, act) for route, act in asked if not access.is_fresh(route)} == {
        # support's notes, and a hold with one: it only stops
        ("PATCH /api/v1/rewards/{rewardId}", Act.HOLD_REWARD),
        ("PUT /api/v1/rewards/{rewardId}", Act.HOLD_REWARD),
        # a status asks for what the verb's route asks for: tests/entry/test_sign_in.py
        ("PATCH /api/v1/rewards/{rewardId}", Act.APPROVE_REWARD),
        ("PATCH /api/v1/rewards/{rewardId}", Act.CANCEL_REWARD),
        ("PATCH /api/v1/partners/{partnerId}", Act.CHANGE_STATUS),
    }


def test_the_audit_repeats_no_secrets(story: Story) -> None:
    """What was sealed, hashed or signed with is in no entry, however it got into an item."""
    told = str(audited(story))
    assert "Bob Example" in told, "it does tell what it may"
    for secret in (METHOD["iban"][4:-4], HASH_KEY, CDN_SECRET, *STRIPE_SECRETS.values(), *LEAD_SECRETS.values()):
        assert secret not in told
    assert [name for name in HIDDEN if f"'L': [{{'S': '{name}'}}" in told] == []


def test_what_is_not_granted_is_refused() -> None:
    """The judgement refuses other actions, other tables' indexes, and other partitions."""
    role = Role("payment_events")
    role.ask("dynamodb:PutItem", "Table", ["PAYMENT#1", "REWARD#2"])
    for action, resource, partition in (
        ("dynamodb:PutItem", "Table", "PARTNER#1"),
        ("dynamodb:PutItem", "waiting", "PAYMENT#1"),
        ("dynamodb:DeleteItem", "Table", "PAYMENT#1"),
        ("sqs:SendMessage", "EventsDlq", ""),
    ):
        with pytest.raises(PermissionError, match="payment_events"):
            role.ask(action, resource, [partition])
