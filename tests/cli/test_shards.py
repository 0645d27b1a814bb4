"""`refledger shards`: says how many there are, and lets them grow."""

from __future__ import annotations

import pytest

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
