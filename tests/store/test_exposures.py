"""A day's sums and marks as items: read back whole, and written only under what was read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from refledger.domain.exposures import HOURS, Exposure, ExposureTally, Marked
from refledger.domain.times import HOUR_MS, SECOND_MS
from refledger.store import exposures, keys
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed

NOW_MS = 1_790_000_000_000


def test_what_is_written_is_read_back(table: Table, fresh: Callable[[], str]) -> None:
    """Sums and marks; of whom nothing was written yet nothing is known."""
    id = fresh()
    key = keys.exposure_of_partner(id)
    assert exposures.from_item(id, None) == Exposure(id)
    new = Exposure(id).plus(ExposureTally.MADE, "USD", 7, NOW_MS).marked(Marked.LINKED, "ann", NOW_MS)
    table.commit(exposures.keep(key, Exposure(id), new, NOW_MS))
    found = exposures.from_item(id, table.get(key))
    assert (found.hours, found.marks, found.version) == (new.hours, new.marks, 1)


def test_who_read_before_another_wrote_is_refused(table: Table, fresh: Callable[[], str]) -> None:
    """The first time as later, whether they write or only want nothing to have changed."""
    id = fresh()
    key, none = keys.exposure_of_actor(id), Exposure(id)
    first = none.plus(ExposureTally.OUT, "USD", 1, NOW_MS)
    table.commit(exposures.keep(key, none, first, NOW_MS))
    second = exposures.from_item(id, table.get(key))
    table.commit(exposures.keep(key, second, second.plus(ExposureTally.OUT, "USD", 1, NOW_MS), NOW_MS))
    other = exposures.keep(keys.exposure_of_actor(fresh()), none, first, NOW_MS)
    for late in (none, second):
        for write in (exposures.keep(key, late, first, NOW_MS), exposures.unchanged(key, late)):
            with pytest.raises(ConditionFailed) as failed:
                table.commit(write, other)
            assert set(failed.value.items) == {exposures.IS_AS_READ}


def test_sums_without_marks_go_by_themselves() -> None:
    """When their last hour counts in no sum any more, and not before; marks stay."""
    key, none = keys.exposure_of_actor("ann"), Exposure("ann")
    seen = none.plus(ExposureTally.OUT, "USD", 1, NOW_MS)
    gone_ms = exposures.keep(key, none, seen, NOW_MS).target["ttl"] * SECOND_MS
    assert gone_ms > NOW_MS + (HOURS + 1) * HOUR_MS
    assert "ttl" not in exposures.keep(key, none, seen.marked(Marked.LIFTED, "eve", NOW_MS), NOW_MS).target
