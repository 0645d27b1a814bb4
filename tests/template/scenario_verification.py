"""The part of the story in which the deployment verifies its own books, and somebody changes them behind its back."""

from __future__ import annotations

from refledger.adapters.ids import Ids
from refledger.domain.maturity import MaturityMessage
from refledger.domain.times import MINUTE_MS
from refledger.store import findings, keys
from refledger.store.table import Table
from refledger.store.transaction import put
from tests.template.story import HASH_KEY, TABLE, Story


def verify(story: Story) -> None:
    """What is wrong is found, told once it is sure, and forgotten by the first look after it is put right."""
    table, ids = Table(story.client, TABLE), Ids(HASH_KEY)
    alice = ids.partner(ids.user("alice"))
    for currency in ("USD", "EUR"):  # other parts of the story lose messages: what waits too long is named
        story.work("maturity", MaturityMessage(alice, currency, "", False).body())
    key = keys.balance(alice, "USD")
    before = table.get(key)
    assert before
    _tick(story)
    assert findings.find(table, "partners", alice) is None, "other parts of the story write into items by hand"
    table.commit(put("an edit", {**before, "available": 7}, ""))
    story.clock.forward(24 * 60 * MINUTE_MS)
    _tick(story)
    assert _tick(story)["faults"] > 0
    assert findings.find(table, "partners", alice)
    table.commit(put("as it was", before, ""))
    _tick(story)
    assert findings.find(table, "partners", alice) is None
    table.commit(put("an edit", {**before, "available": 7}, ""))
    story.clock.forward(24 * 60 * MINUTE_MS)
    _tick(story)
    table.commit(put("as it was", before, ""))
    assert findings.find(table, "partners", alice), "nobody has looked since"


def _tick(story: Story) -> dict[str, int]:
    story.clock.forward(5 * MINUTE_MS)
    screened: dict[str, int] = story.invoke("verifier", {})
    return screened
