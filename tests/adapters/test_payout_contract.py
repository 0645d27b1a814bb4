"""What every payout provider keeps to, whichever it is: the workflow relies on this and on nothing else."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from refledger.adapters.payouts.bank import BankTransfers
from refledger.adapters.payouts.stripe_connect import StripeTransfers
from refledger.domain.errors import PayoutDeclined, PayoutUnavailable
from refledger.domain.methods import Account, BankAccount, StripeAccount
from refledger.domain.payouts import PayoutOrder, PayoutResult, Payouts, PayoutState
from refledger.domain.times import DAY_MS
from tests.support import stripe_server
from tests.support.stripe_server import Failure, StripeServer

IBAN, HOLDER = "DE89370400440532013000", "Ida Partner"
LOST = {
    "reset before it was done": Failure(reset=True),
    "reset after it was done": Failure(reset=True, after=True),
    "closed before it was done": Failure(),
    "closed after it was done": Failure(after=True),
    "500 and not done": Failure(500),
    "500 after it was done": Failure(500, after=True),
    "503 of something on the way": Failure(503, body=b"<html>busy</html>"),
    "another one with this key under way": Failure(409, "invalid_request_error", "idempotency_key_in_use"),
    "too many requests": Failure(429, "invalid_request_error", "rate_limit"),
}
NO_LOOKING = Failure(503, path="/v1/transfers", method="GET")


@dataclass
class Provider:
    """A port, an account that it pays to, and what it has really moved."""

    port: Payouts
    account: Account
    other_account: Account
    secrets: tuple[str, ...]
    server: StripeServer | None

    def order(self, withdrawal: str = "w1", payout: int = 1, amount: int = 1500) -> PayoutOrder:
        return PayoutOrder(withdrawal, f"{withdrawal}-{payout}", amount, "USD", self.account, 1_790_000_000_000)

    def moved(self, withdrawal: str = "w1") -> int:
        """By the provider itself; nothing is moved by whom a person does the work for."""
        return self.server.paid(withdrawal) if self.server else 0

    def goes_wrong(self, *failures: Failure) -> None:
        if self.server:
            self.server.fail(*failures)


def _bank() -> Iterator[Provider]:
    account = BankAccount(HOLDER, iban=IBAN)
    yield Provider(BankTransfers(), account, StripeAccount(HOLDER, "acct_1"), (IBAN, HOLDER), None)


def _stripe() -> Iterator[Provider]:
    with stripe_server.running() as server:
        port = StripeTransfers(lambda: stripe_server.KEY, livemode=False, api_base=server.base)
        secrets = (stripe_server.ACCOUNT, stripe_server.KEY, HOLDER, stripe_server.KEY.removeprefix("sk_test_"))
        account = StripeAccount(HOLDER, stripe_server.ACCOUNT)
        yield Provider(port, account, BankAccount(HOLDER, iban=IBAN), secrets, server)


PROVIDERS: dict[str, Callable[[], Iterator[Provider]]] = {"bank": _bank, "stripe": _stripe}


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    yield from PROVIDERS[request.param]()


def test_an_order_is_carried_out_or_waits(provider: Provider) -> None:
    """PAID comes with the provider's id of the movement, AWAITING moved nothing yet."""
    result = provider.port.send(provider.order())
    assert (result.state is PayoutState.PAID) == bool(result.transaction_id) == bool(provider.moved())


def test_the_same_key_moves_money_once(provider: Provider) -> None:
    """However often it is sent, and by a process that knows nothing of the one before."""
    first = provider.port.send(provider.order())
    moved = provider.moved()
    assert [provider.port.send(provider.order()) for _ in range(3)] == [first] * 3
    assert provider.moved() == moved <= 1500


def test_orders_of_two_withdrawals_are_two_movements(provider: Provider) -> None:
    """Idempotent means once for each, not once for all."""
    results = [provider.port.send(provider.order(withdrawal)) for withdrawal in ("w1", "w2")]
    assert results[0].transaction_id != results[1].transaction_id or not results[0].transaction_id
    assert provider.moved("w1") == provider.moved("w2")


def test_what_was_sent_is_found(provider: Provider) -> None:
    """A process that died after it had sent learns from `find` what its answer would have been."""
    result = provider.port.send(provider.order())
    assert provider.port.find(provider.order()) == result


def test_looking_moves_nothing(provider: Provider) -> None:
    """Before an order is sent nothing says that it was paid, and neither look changes that."""
    found = provider.port.find(provider.order())
    assert found in (None, PayoutResult(PayoutState.AWAITING, ""))
    assert provider.port.accepts(provider.account)
    assert provider.port.find(provider.order()) == found
    assert provider.moved() == 0


@pytest.mark.parametrize("failure", LOST)
def test_a_lost_answer_is_not_known_and_never_paid_twice(provider: Provider, failure: str) -> None:
    """Whatever went wrong: not known is said so, `find` and `send` agree after it, and one movement is all there is."""
    provider.goes_wrong(LOST[failure])
    if provider.server:
        with pytest.raises(PayoutUnavailable):
            provider.port.send(provider.order())
    was_done = LOST[failure].after and provider.server is not None
    found = provider.port.find(provider.order())
    if was_done:
        assert found is not None
        assert found.state is PayoutState.PAID
    for _ in range(3):
        try:
            result = provider.port.send(provider.order())
        except PayoutUnavailable:
            assert failure == "500 and not done"  # the provider repeats it: only time or a person ends this
        else:
            assert result == provider.port.find(provider.order())
    assert provider.moved() in (0, 1500)


@pytest.mark.parametrize("failure", LOST)
def test_a_new_key_after_an_unknown_one_does_not_pay_again(provider: Provider, failure: str) -> None:
    """Even somebody who takes "not known" for "declined" and tries under a new key moves the money once."""
    provider.goes_wrong(LOST[failure])
    for payout in (1, 2, 3):
        try:
            provider.port.send(provider.order(payout=payout))
        except PayoutUnavailable:
            assert provider.server
    assert provider.moved() == (1500 if provider.server else 0)
    assert provider.port.find(provider.order(payout=1)) == provider.port.find(provider.order(payout=3))


def test_nothing_is_sent_while_nobody_can_look(provider: Provider) -> None:
    """A provider that cannot be asked is not sent to either."""
    provider.goes_wrong(NO_LOOKING, NO_LOOKING)
    for ask in (provider.port.find, provider.port.send):
        if provider.server:
            with pytest.raises(PayoutUnavailable):
                ask(provider.order())
        else:
            ask(provider.order())
    assert provider.moved() == 0


def test_the_time_to_repeat_in_is_shorter_than_the_providers_memory(provider: Provider) -> None:
    """A day is what providers promise; 0 where nothing is ever sent."""
    assert 0 <= provider.port.idempotent_ms < DAY_MS


def test_an_account_of_another_kind_is_a_mistake_of_ours(provider: Provider) -> None:
    """It is not declined, which would return the money: the wrong adapter was asked."""
    order = replace(provider.order(), account=provider.other_account)
    for ask in (lambda: provider.port.send(order), lambda: provider.port.accepts(provider.other_account)):
        with pytest.raises(TypeError) as raised:
            ask()
        assert IBAN not in str(raised.value)
    assert provider.moved() == 0


def test_neither_account_nor_key_is_in_any_text(
    provider: Provider, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Errors with all that hangs on them, logs at their most talkative, results, what is printed: nothing of it."""
    caplog.set_level(logging.DEBUG)
    texts = [repr(provider.order()), repr(provider.port)]
    declined = [
        Failure(400, "invalid_request_error", "resource_missing", path="/v1/transfers"),
        Failure(401, "invalid_request_error"),
    ]
    for failure in [*LOST.values(), *declined]:
        provider.goes_wrong(failure)
        try:
            texts.append(repr(provider.port.send(provider.order(f"w{len(texts)}"))))
        except (PayoutDeclined, PayoutUnavailable) as error:
            texts += [repr(error), error.detail, *traceback.format_exception(error)]
    texts += [repr(provider.port.find(provider.order())), caplog.text, *capfd.readouterr()]
    for secret in provider.secrets:
        assert [text for text in texts if secret in text] == []
