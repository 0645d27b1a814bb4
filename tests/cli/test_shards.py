"""`refledger shards`: says how many there are, and lets them grow."""

from __future__ import annotations

import pytest

from refledger.adapters.clock import now_ms
from refledger.store import keys, shards
from tests.cli.conftest import Command
from tests.support.books import Books


@pytest.mark.usefixtures("books")
def test_their_number_is_said_and_only_grows(refledger: Command, books: Books) -> None:
    """What is less, the same or too much is refused with the reason, and changes nothing."""
    assert refledger("shards").lines == [f"payments are spread over {keys.DUE_SHARDS} shards"]
    assert refledger("shards", "--to", "64").lines == ["payments are spread over 64 shards"]
    for refused in ("64", "48", str(keys.DUE_SHARDS), str(shards.MOST + 1)):
        assert refledger("shards", "--to", refused).status == 2
    assert shards.count(books.table) == 64


@pytest.mark.usefixtures("books")
def test_a_partners_rewards_are_spread_an_hour_later(refledger: Command, books: Books) -> None:
    """It says from when on; the same again, less, what is no power of two and nobody's is refused."""
    books.program()
    id = books.member("bob", "default").id
    assert refledger("shards", "--partner", id).lines == [f"rewards of {id} are in one shard"]
    (said,) = refledger("shards", "--partner", id, "--to", "16").lines
    assert said.endswith(" on are spread over 16 shards")
    for refused in ("16", "8", "1", "24", "128"):
        assert refledger("shards", "--partner", id, "--to", refused).status == 2
    assert len(refledger("shards", "--partner", id, "--to", "32").lines) == 2
    assert refledger("shards", "--partner", "nobody", "--to", "32").status != 0
    known = shards.read(books.table)
    assert list(known.partners) == [id]
    assert known.spread(id, now_ms()) == 0
    assert known.spread(id, now_ms() + shards.SPREAD_AFTER_MS) == 5
    assert len(known.partitions(id)) == 32
    assert refledger("shards").lines == [f"payments are spread over {keys.DUE_SHARDS} shards"]
    assert refledger("shards", "--to", "64").status == 0
    assert shards.read(books.table).partners == known.partners, "one item, and neither takes the other's place"
