"""Payout methods: the same account is the same method, and a person or the provider vouches for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from refledger.adapters.vault import NotOpened
from refledger.domain import errors
from refledger.domain.methods import MAX_ACTIVE, MAX_EVER, Account, BankAccount, MethodType, PayoutMethod, StripeAccount
from refledger.operations.payouts import methods
from refledger.store import keys
from refledger.store import methods as stored
from tests.support import worlds
from tests.support.books import ACCOUNT, Books, Faulty

CONNECTED = StripeAccount("Bob Example", "acct_1032D82eZvKYlo2C")


def bank(number: int) -> BankAccount:
    return BankAccount("Bob Example", number=f"{number:08}", bank_code="1")


pytestmark = worlds.lives_in(worlds.some_partners)


class Provider:
    """Says whether it can pay to an account."""

    def __init__(self, answer: bool | Exception) -> None:
        self.answer, self.asked = answer, list[Account]()

    def accepts(self, account: Account) -> bool:
        self.asked.append(account)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def verify(books: Books, method: PayoutMethod, by: str = "ann", answer: bool | Exception = True) -> PayoutMethod:
    provider: Any = Provider(answer)
    vouched = methods.verify(
        books.context, lambda: books.vault, lambda: {MethodType.STRIPE: provider}, method.partner_id, method.id, by
    )
    assert provider.asked in ([], [CONNECTED])
    return vouched


# ---------------------------------------------------------------- taking in


def test_the_same_account_is_the_same_method(books: Books) -> None:
    """However it is written and however often; KMS is asked once, and nothing is ever opened to compare."""
    first = books.method("bob", bank(1))
    again = books.method("bob", BankAccount("Bob  Example", number="0000 0001", bank_code="1"))
    assert again == first
    assert [context for _, context in books.kms.calls] == [{"partner": first.partner_id, "method": first.id}]
    assert books.method("bob", bank(2)).id != first.id
    assert books.method("eve", bank(1)).id != first.id
    assert books.kms.asked("Decrypt") == 0


def test_sixteen_at_once_are_one(books: Books) -> None:
    """One item, one count."""
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: books.method("bob"), range(16)))
    assert len({(method.id, method.version) for method in made}) == 1
    partner_id = books.partner("bob").id
    assert len(stored.of_partner(books.table, partner_id)) == 1
    assert (books.table.get(keys.method_count(partner_id)) or {})["active"] == 1


@pytest.mark.parametrize("seed", range(6))
def test_lost_answers_and_conflicts_make_one(books: Books, seed: int) -> None:
    """Refused, or done without an answer: taken in once, disabled once, counted once."""
    books.context = books.behind(Faulty(books.client, 60, seed))
    method = books.method("bob")
    assert books.method("bob") == method
    assert methods.disable(books.context, method.partner_id, method.id).disabled_at_ms
    count = books.table.get(keys.method_count(method.partner_id)) or {}
    assert (count["active"], count["ever"]) == (0, 1)


def test_there_is_a_limit(books: Books) -> None:
    """Twenty in use; one that is known needs no room, and one that is taken out of use makes some."""
    made = [books.method("bob", bank(number)) for number in range(MAX_ACTIVE)]
    with pytest.raises(errors.TooManyMethods):
        books.method("bob", bank(99))
    assert books.method("bob", bank(0)) == made[0]
    books.method("eve", bank(99))
    methods.disable(books.context, made[0].partner_id, made[0].id)
    books.method("bob", bank(99))


def test_the_limit_holds_for_many_at_once(books: Books) -> None:
    """Thirty that come together: twenty are taken."""

    def add(number: int) -> bool:
        try:
            books.method("bob", bank(number))
        except errors.TooManyMethods:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(add, range(30)))
    assert sum(taken) == MAX_ACTIVE == len(stored.of_partner(books.table, books.partner("bob").id))


def test_nobody_has_methods_without_end(books: Books) -> None:
    """Taking out of use deletes nothing, so it cannot be repeated for ever."""
    partner_id = books.partner("bob").id
    books.method("bob")
    key = {name: {"S": value} for name, value in keys.method_count(partner_id).items()}
    books.client.update_item(
        TableName=books.table_name, Key=key, UpdateExpression="SET ever = :most",
        ExpressionAttributeValues={":most": {"N": str(MAX_EVER)}},
    )  # fmt: skip
    with pytest.raises(errors.TooManyMethods):
        books.method("bob", bank(1))


# ---------------------------------------------------------------- taking out of use


def test_taken_out_of_use_and_given_again(books: Books) -> None:
    """It is a new version that nobody has vouched for; the old one stays as it was, for withdrawals that name it."""
    first = verify(books, books.method("bob"))
    books.clock.forward(5)
    gone = [methods.disable(books.context, first.partner_id, first.id) for _ in range(2)]
    assert gone[0] == gone[1]
    books.clock.forward(5)
    again = books.method("bob")
    assert (again.id, again.version, again.verified_at_ms) == (first.id, 2, 0)
    assert stored.find(books.table, first.partner_id, first.id, 1) == gone[0]
    assert stored.current(books.table, first.partner_id, first.id) == again
    assert books.method("bob") == again


def test_what_is_not_there_is_not_found(books: Books) -> None:
    """Nor is another partner's."""
    method, eve = books.method("bob"), books.partner("eve").id
    for partner_id, method_id in ((eve, method.id), (method.partner_id, "nosuchthing")):
        with pytest.raises(errors.MethodNotFound):
            methods.disable(books.context, partner_id, method_id)
        with pytest.raises(errors.MethodNotFound):
            stored.find(books.table, partner_id, method_id, 1)
    with pytest.raises(errors.MethodNotFound):
        stored.find(books.table, method.partner_id, method.id, 2)


# ---------------------------------------------------------------- vouching for


def test_who_vouched_first_stays_written_down(books: Books) -> None:
    """A second yes changes nothing; a person's word is enough for a bank account, and it is not opened for it."""
    method = books.method("bob")
    vouched = verify(books, method, "ann")
    books.clock.forward(1000)
    assert verify(books, method, "tom") == vouched
    assert (vouched.verified_by, vouched.verified_at_ms) == ("ann", method.created_at_ms)
    assert stored.current(books.table, method.partner_id, method.id) == vouched
    assert books.kms.asked("Decrypt") == 0


def test_nobody_vouches_for_their_own(books: Books) -> None:
    """Not even an admin who is a partner too."""
    with pytest.raises(errors.Forbidden):
        verify(books, books.method("bob"), books.user("bob"))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (False, errors.MethodNotUsable),
        (errors.PayoutUnavailable(), errors.PayoutUnavailable),
    ],
)
def test_the_provider_has_a_say(books: Books, answer: bool | Exception, error: type[Exception]) -> None:
    """What Stripe cannot pay to, or does not answer about, is not verified."""
    method = books.method("bob", CONNECTED)
    with pytest.raises(error):
        verify(books, method, answer=answer)
    assert stored.current(books.table, method.partner_id, method.id) == method
    assert verify(books, method).is_payable


def test_what_is_out_of_use_is_not_vouched_for(books: Books) -> None:
    """Also where it is taken out of use just then."""
    method = books.method("bob", CONNECTED)
    methods.disable(books.context, method.partner_id, method.id)
    with pytest.raises(errors.MethodNotUsable):
        verify(books, method)


# ---------------------------------------------------------------- withdrawals


def test_a_withdrawal_to_a_known_method_asks_kms_nothing(books: Books) -> None:
    """By its id, or by the account that it is."""
    books.grant("bob", 9000)
    books.mature("bob")
    method, asked = books.method("bob"), len(books.kms.calls)
    by_id, by_account = books.withdraw("bob", 1000, payee=method.id), books.withdraw("bob", 1000)
    assert by_id.method == by_account.method == methods.used(method)
    assert len(books.kms.calls) == asked
    assert methods.account_of(books.context, books.vault, by_id) == ACCOUNT


def test_a_refused_request_takes_no_account_in(books: Books) -> None:
    """Who has nothing to withdraw leaves no method behind, and no call to KMS."""
    with pytest.raises(errors.InsufficientFunds):
        books.withdraw("bob", 1000)
    assert stored.of_partner(books.table, books.partner("bob").id) == []
    assert books.kms.calls == []


def test_an_account_that_cannot_be_sealed_reserves_nothing(books: Books) -> None:
    """KMS does not answer: nothing is done, and the repeat does it."""
    books.grant("bob", 9000)
    books.mature("bob")
    books.kms.failing = "ThrottlingException"
    with pytest.raises(errors.Busy):
        books.withdraw("bob", 1000, "key")
    assert books.balance("bob") == (9000, 0, 0)
    books.kms.failing = ""
    books.withdraw("bob", 1000, "key")
    assert books.balance("bob") == (8000, 1000, 0)


def test_stripe_must_be_vouched_for_first(books: Books) -> None:
    """Nobody looks at a transfer that Stripe makes; nobody withdraws to what is out of use, or another's."""
    books.grant("bob", 9000)
    books.mature("bob")
    method = books.method("bob", CONNECTED)
    for payee in (method.id, CONNECTED):
        with pytest.raises(errors.MethodNotUsable):
            books.withdraw("bob", 1000, payee=payee)
    verify(books, method)
    kept = books.withdraw("bob", 1000, payee=method.id)
    methods.disable(books.context, method.partner_id, method.id)
    with pytest.raises(errors.MethodNotUsable):
        books.withdraw("bob", 1000, payee=method.id)
    assert methods.account_of(books.context, books.vault, kept) == CONNECTED
    for payee in ("nosuchthing", books.method("eve").id):
        with pytest.raises(errors.MethodNotFound):
            books.withdraw("bob", 1000, payee=payee)
    assert books.balance("bob") == (8000, 1000, 0)


def test_a_method_that_was_given_again_is_used_in_its_new_version(books: Books) -> None:
    """By id and by account alike; the first withdrawal keeps the version that it was asked with."""
    books.grant("bob", 9000)
    books.mature("bob")
    old = books.withdraw("bob", 1000)
    methods.disable(books.context, old.partner_id, old.method.id)
    new, by_id = books.withdraw("bob", 1000), books.withdraw("bob", 1000, payee=old.method.id)
    assert [w.method.version for w in (old, new, by_id)] == [1, 2, 2]
    for withdrawal in (old, new, by_id):
        assert methods.account_of(books.context, books.vault, withdrawal) == ACCOUNT


def test_a_cipher_text_in_another_place_is_not_opened(books: Books) -> None:
    """Whoever can write to the table still cannot have somebody else's money sent to an account of theirs."""
    books.grant("bob", 9000)
    books.mature("bob")
    withdrawal, evil = books.withdraw("bob", 1000), books.method("eve", bank(666))
    item = {name: {"S": value} for name, value in keys.method(withdrawal.partner_id, withdrawal.method.id, 1).items()}
    books.client.update_item(
        TableName=books.table_name, Key=item, UpdateExpression="SET cipher = :evil",
        ExpressionAttributeValues={":evil": {"B": evil.cipher}},
    )  # fmt: skip
    with pytest.raises(NotOpened):
        methods.account_of(books.context, books.vault, withdrawal)


def test_debt_is_told(books: Books) -> None:
    """Who owes is told how much, and not that there is too little."""
    books.grant("bob", 1000)
    books.mature("bob")
    key = {name: {"S": value} for name, value in keys.balance(books.partner("bob").id, "USD").items()}
    books.client.update_item(
        TableName=books.table_name, Key=key, UpdateExpression="SET available = :debt",
        ExpressionAttributeValues={":debt": {"N": "-250"}},
    )  # fmt: skip
    with pytest.raises(errors.InsufficientFunds, match=r"debt of 2\.50 USD"):
        books.withdraw("bob", 1000)
