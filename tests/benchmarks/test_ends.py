"""What payments and withdrawals write from their beginning to their end, in everything that they cause."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from benchmarks import ends, lives, page
from benchmarks.dollars import Around, dollars, transitions
from benchmarks.ends import End, Measured, Promise
from benchmarks.pipeline import Taken, passes
from benchmarks.tables import table


@pytest.fixture(scope="module")
def measured(dynamodb_endpoint: str) -> Measured:
    """As `make bench` measures them, without times."""
    return ends.measure(dynamodb_endpoint, timed=False)


def test_all_budgets_are_kept(measured: Measured) -> None:
    """Units of every life; who changes one changes its figure with a reason."""
    assert measured.broken == []


def test_everything_that_a_payment_causes_is_counted(measured: Measured) -> None:
    """Each stage wrote something, boards among it; nothing is cheaper than the transactions that there are."""
    for life in ("payment, busy", "payment, sparse"):
        stages = measured.stages[life]
        assert set(lives.BOOKED) < set(stages)
        assert all(stage.wru > 0 for stage in stages.values()), life
        assert stages["payment"].wru == 10, "promised in the design"
        assert stages["maturity"].wru > 4, "two rewards, in a transaction"
        assert stages["marked as paid"].wru > 4
    alone = measured.stages["payment, sparse"]["figures of it"]
    assert alone.invocations == 3, "both readers of the stream, and leaderboards"


def test_every_unit_is_of_an_item(measured: Measured) -> None:
    """What is written of each kind of item comes to all that is written, and says which function wrote it."""
    for life, stages in measured.stages.items():
        for stage, taken in stages.items():
            assert sum(taken.written.values()) == pytest.approx(taken.wru), (life, stage)
    booked = measured.stages["payment, busy"]["payment"].written
    assert {part: round(units, 3) for part, units in booked.items()} == {
        ("payment_events", "payment"): 2, ("payment_events", "payment, in indexes"): 2, ("payment_events", "reward"): 4,
        ("payment_events", "binding, looked at"): 2,
    }  # fmt: skip
    assert "| WRU of a payment" in ends.report(measured)


def test_days_pass_as_in_the_story(measured: Measured) -> None:
    """What is written once for each day, or for each later payout, is in the figures."""
    parts = {what for taken in measured.stages["payment, busy"].values() for _, what in taken.written}
    assert {"referral", "roll-up PARTNER"} <= parts


def test_budgets_above_their_target_are_told() -> None:
    """Nothing is green that misses what was promised."""
    missed = End("it", Taken(wru=Decimal(19)), 1, wru=Promise(Decimal(20), Decimal(12)))
    kept = End("it", Taken(wru=Decimal(12)), 1, wru=Promise(Decimal(12), Decimal(12)))
    over = End("it", Taken(wru=Decimal(21)), 1, wru=Promise(Decimal(20), Decimal(12)))
    assert [ends.cells(each)[-1] for each in (missed, kept, over)] == ["misses its target", "", "OVER"]
    assert over.broken == ["it: 21.00 WRU instead of 20"]
    promises = [each for both in ends.PROMISES.values() for each in both if each]
    assert all(each.most >= each.target for each in promises if each.target), "what is met is its own budget"


def test_dollars_are_by_the_price_list() -> None:
    """A million of ten writes and one read, with one event and four states."""
    taken = Taken(wru=Decimal(10), rru=Decimal(1), queued=1, ordered=1)
    assert dollars(taken, 1, Around(events=1, transitions=4)) == pytest.approx(
        {"DynamoDB": 6.375, "queues": 0.9, "events": 1.1, "workflow": 100.0}
    )
    assert transitions() == 3


def test_filters_are_those_of_the_template() -> None:
    """Statistics read no audit, and of a partner only the item itself."""

    def record(pk: str, sk: str) -> dict[str, object]:
        return {"dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}}

    assert passes("stream_rollups", record("REWARD#p", "x"))
    assert passes("stream_rollups", record("PARTNER#p", "ROOT"))
    assert not passes("stream_rollups", record("PARTNER#p", "BALANCE#USD"))
    assert passes("stream_projections", record("PARTNER#p", "BALANCE#USD"))
    assert not any(passes(name, record("AUDIT#p", "x")) for name in ("stream_rollups", "stream_projections"))


def test_the_page_has_what_was_measured_last(tmp_path: Path) -> None:
    """A table takes the place of the one with the same first column; words, and other tables, stay."""
    written = tmp_path / "page.md"
    written.write_text("before\n\n| a | b |\n|---|---:|\n| x | 1 |\n\nbetween\n\n| c |\n|---|\n| y |\n\nafter\n")
    page.write("said\n\n" + table(["a", "b"], [["x", "2"], ["z", "3"]]) + "\n\n" + table(["d"], [["w"]]), written)
    text = written.read_text()
    assert "| z | 3 |" in text
    assert "| x | 1 |" not in text
    assert [text.count(word) for word in ("before\n\n|", "between\n\n| c |", "| y |\n\nafter\n", "w")] == [1, 1, 1, 1]


def test_the_page_has_a_place_for_every_table() -> None:
    """Of the parts that `make bench` measures without being asked."""
    written = {f"WRU of a {what}" for what in ends.WRITTEN}
    assert {"in all", "a stack that nobody calls", "$ a million", "each stage, of one", "operation"} | written <= set(
        page.names()
    )
