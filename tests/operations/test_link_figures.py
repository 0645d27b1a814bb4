"""What came of a link: customers by the code with which they came, from the stream, whatever happens to them later."""

from __future__ import annotations

from refledger.operations.figures import link_figures
from refledger.operations.figures.counter_names import Counts
from refledger.operations.figures.projection import project
from refledger.operations.referring import lifecycle
from refledger.operations.referring.lifecycle import NewReferral
from refledger.store import keys, referrals
from tests.support.books import Books
from tests.support.streams import Tail


def figures(books: Books, name: str) -> dict[str, tuple[int, int]]:
    found = link_figures.of_partner(books.context, books.partner(name))
    return {each.code.code: (each.referrals, each.converted) for each in found}


def test_customers_are_counted_by_their_code(books: Books) -> None:
    """Those who came, and those of them who converted; not who is refused later; repeats change nothing."""
    books.program()
    books.chain("alice", "bob", "carol")
    books.chain("bob", "dan")
    books.chain("bob", "eve")
    code, tail = books.partner("bob").code, Tail(books.client)
    told = list(tail.new())
    for _ in range(2):
        project(books.context, "shardId-00000001", told)
    assert figures(books, "bob") == {code: (3, 0)}
    assert figures(books, "alice") == {books.partner("alice").code: (1, 0)}
    books.clock.forward(1)
    own = [each for _, each in referrals.of_partner(books.table, books.partner("bob").id, "", 10)]
    one, two = own[0], own[1]
    lifecycle.reject(books.context, one.id, "a test")
    item = {name: {"S": value} for name, value in keys.referral(two.id).items()}
    books.client.update_item(
        TableName=books.table_name, Key=item, UpdateExpression="SET converted = :at, #status = :yes",
        ExpressionAttributeNames={"#status": "status"},
        ExpressionAttributeValues={":at": {"N": str(books.clock())}, ":yes": {"S": "CONVERTED"}},
    )  # fmt: skip
    later = list(tail.new())
    project(books.context, "shardId-00000001", later)
    project(books.context, "shardId-00000001", told + later)
    assert figures(books, "bob") == {code: (2, 1)}


def test_who_was_entered_without_a_code_came_by_no_link(books: Books) -> None:
    """A partner's main code is no stand-in for a code that nobody gave: their link is credited with its own alone."""
    books.program()
    bob = books.partner("bob")
    for code in ("", bob.code):
        new = NewReferral(partner_id=bob.id, code=code, customer=books.user(f"customer of {code}"))
        lifecycle.create(books.context, new, "ann", code or "none", code)
    project(books.context, "shardId-00000001", list(Tail(books.client).new()))
    assert figures(books, "bob") == {bob.code: (1, 0)}


def test_codes_with_dashes_are_counted_apart(books: Books) -> None:
    """A code's name is told from every other one, also where it has a dash or an underscore."""
    both = (Counts.CODE_REFERRALS, Counts.CODE_CONVERSIONS)
    codes = ["A-B", "A_B", "AB", "A-_B", "AZB", "A", "A_"]
    assert len({counts.named(key=code) for code in codes for counts in both}) == 2 * len(codes)
