"""What can be known of cold starts without a build: which event a function gets, and what the budget says."""

from __future__ import annotations

import importlib.util

import pytest

from benchmarks import artefact, cold_start, page
from benchmarks.artefact import Start
from refledger.entry import access


@pytest.mark.parametrize("name", cold_start.FUNCTIONS)
def test_every_function_has_a_first_event_of_its_own(name: str) -> None:
    """A route that there is, with a value for each parameter of its path; or a batch."""
    event = artefact.first_event(name)
    if "routeKey" not in event:
        assert event["Records"] == []
        return
    assert event["routeKey"] in access.ROUTES
    assert event["pathParameters"].keys() == {
        part[1:-1] for part in event["rawPath"].split("/") if part.startswith("{")
    }


def test_functions_that_answer_http_are_asked_over_http() -> None:
    """Else their cold start would be that of an error."""
    batches = [name for name in cold_start.FUNCTIONS if "routeKey" not in artefact.first_event(name)]
    assert {"payment_events", "maturity", "stream_rollups"} <= set(batches)
    assert not {"me", "member_referrals", "withdrawals"} & set(batches)


def test_the_reference_has_nothing_of_aws() -> None:
    """A budget in units of an SDK could never ask for less than the SDK."""
    names = artefact.REFERENCE.removeprefix("import ").split(", ")
    assert not {"boto3", "botocore", "refledger"} & set(names)
    assert all(importlib.util.find_spec(name) for name in names)


def test_the_middle_of_some_starts_is_held_to_the_budget() -> None:
    """And what does nothing is there to be looked at: it is the runtime client's own time."""
    reference, most = [100.0, 1.0, 900.0], 100 * artefact.BUDGET_RATIO
    taken = {
        artefact.BARE: [Start(1, 9 * most)],
        "quick": [Start(1, most), Start(1, most), Start(1, 9 * most)],
        "slow": [Start(1, most + 1)],
    }
    [line] = artefact.broken(reference, taken)
    assert "slow" in line
    assert [row.split("|")[-2].strip() for row in artefact.report(reference, taken).splitlines()[2:]] == [
        "",
        "",
        "",
        "OVER",
    ]


def test_its_table_is_on_the_page() -> None:
    """So that `make bench ARGS=built` writes it there."""
    assert artefact.report([1.0], {}).split("|")[1].strip() in page.names()
