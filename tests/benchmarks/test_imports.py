"""No function loads what it does not use: that is what keeps cold starts short."""

from __future__ import annotations

import pytest

from benchmarks import cold_start, imports

HTTP = {"pydantic", "logger", "http", "limits"}
USES = {
    "adjustments": HTTP,
    "withdrawals": HTTP | {"workflow"},
    "api_keys": HTTP,
    "audit": HTTP,
    "stream_projections": {"queues"},  # of payments: a customer has been referred
    "dispatch": {"limits", "logger"},  # as problems tell them
    "docs": HTTP,
    "invitations": HTTP,
    "lead_webhooks": HTTP | {"queues"},
    "lead_events": {"pydantic", "logger", "metrics", "queues"},
    "referrals": HTTP,
    "embed": HTTP,
    "events": HTTP | {"queues", "stripe"},
    "expiry": {"metrics"},
    "ledger": HTTP,
    "links": HTTP,
    "me": HTTP,
    "statements": HTTP,
    "job_worker": {"logger", "metrics", "queues"},
    "jobs": HTTP | {"queues"},
    "manifest": {"metrics"},
    "payout_methods": HTTP,
    "payout_batches": HTTP,
    "leaderboards": set[str](),
    "maturity": {"logger", "metrics", "queues"},
    "partners": HTTP,
    "payment_events": {"pydantic", "logger", "metrics", "queues", "stripe"},
    "payments": HTTP,
    "programs": HTTP,
    "reconciliation": {"pydantic", "logger", "metrics", "queues", "stripe", "workflow"},
    "member_referrals": HTTP,
    "analytics": HTTP,
    "rewards": HTTP,
    "stream_rollups": {"queues"},
    "sweeper": {"metrics", "workflow"},
    "verifier": {"metrics"},
    "web": HTTP,
    "payout_webhooks": HTTP | {"metrics", "workflow"},
    "member_withdrawals": HTTP | {"workflow"},
    "workflow": {"logger", "metrics", "workflow"},
}


@pytest.fixture(scope="module")
def loaded() -> dict[str, frozenset[str]]:
    """What a fresh interpreter has loaded for each function, with the clients of its first event."""
    return imports.loaded()


def test_each_function_is_looked_at(loaded: dict[str, frozenset[str]]) -> None:
    """A new function must say here what it uses."""
    assert set(loaded) == set(USES)


@pytest.mark.parametrize("name", sorted(USES))
def test_a_function_loads_what_it_uses_and_nothing_else(loaded: dict[str, frozenset[str]], name: str) -> None:
    """Pydantic is for those who read text from outside; queues, workflow and limits for those who call them."""
    assert imports.parts(loaded[name]) == USES[name]


@pytest.mark.parametrize("module", imports.NEVER)
def test_no_function_loads_what_only_tests_need(loaded: dict[str, frozenset[str]], module: str) -> None:
    """Neither boto3, half of a cold start and rarely needed, nor tracing's SDK, which Lambda's own tracing does
    without, nor anything of the tests or the local stack.
    """
    assert [name for name, modules in loaded.items() if module in modules] == []


def test_functions_of_the_stream_and_the_workflow_leave_the_roll_ups_and_each_other_alone(
    loaded: dict[str, frozenset[str]],
) -> None:
    """One function's operations are not another's: roll-ups are loaded by those who write or show them."""

    def load(module: str) -> set[str]:
        return {name for name, modules in loaded.items() if f"refledger.operations.{module}" in modules}

    showing = {"leaderboards", "me", "member_referrals", "analytics", "job_worker"}  # the last for the dashboard
    assert load("figures.rollups") == showing
    assert load("figures.projection") == {"stream_rollups"}
    assert load("payouts.sweeper") == {"sweeper"}


def test_who_only_shows_leaves_what_others_send_and_decide_alone(loaded: dict[str, frozenset[str]]) -> None:
    """A model is half a millisecond of each start, and so is each record of who may decide what."""

    def load(module: str) -> set[str]:
        return {name for name, modules in loaded.items() if f"refledger.{module}" in modules}

    for subject in ("rewards", "referrals", "withdrawals"):
        assert load(f"entry.models.{subject}") == {subject}, subject
    assert load("entry.models.rules") == {"invitations", "partners", "programs"}
    assert load("operations.earning.reward_decisions") == {"rewards"}
    assert not load("domain.duties") & {
        "analytics", "events", "ledger", "me", "member_withdrawals", "payment_events", "payments", "payout_methods",
        "payout_webhooks", "reconciliation", "statements",
    }  # fmt: skip


def test_handlers_are_ready_for_their_first_event(loaded: dict[str, frozenset[str]]) -> None:
    """The probe made the table's client and everything else that the handler asks `config` for."""
    assert all({"refledger.adapters.aws_json", "refledger.store.table"} <= modules for modules in loaded.values())
    assert cold_start.clients("member_withdrawals") == ["context", "secrets", "waker", "workflow"]
