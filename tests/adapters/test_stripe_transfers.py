"""Stripe transfers beyond the contract: what is asked for, in which units, and what each of Stripe's errors means."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refledger.adapters import stripe_client, stripe_units
from refledger.adapters.payouts import stripe_connect
from refledger.adapters.payouts.stripe_connect import StripeTransfers
from refledger.adapters.payouts.stripe_errors import Meaning, meaning, words
from refledger.adapters.secrets import SecretUnreadable
from refledger.domain.currencies import EXPONENTS
from refledger.domain.errors import PayoutDeclined, PayoutUnavailable, UnknownCurrency
from refledger.domain.methods import StripeAccount
from refledger.domain.payouts import PayoutFault, PayoutOrder, PayoutResult, PayoutState
from tests.support import stripe_server
from tests.support.stripe_server import ACCOUNT, KEY, Failure, StripeServer

ORDER = PayoutOrder("w1", "w1-1", 1500, "USD", StripeAccount("Ida Partner", ACCOUNT), 1_790_000_000_000)
AGAIN = replace(ORDER, key="w1-2")


@pytest.fixture
def server() -> Iterator[StripeServer]:
    with stripe_server.running() as running:
        yield running


@pytest.fixture
def port(server: StripeServer) -> StripeTransfers:
    return StripeTransfers(lambda: KEY, livemode=False, api_base=server.base)


def declined(port: StripeTransfers, order: PayoutOrder = ORDER) -> PayoutDeclined:
    with pytest.raises(PayoutDeclined) as raised:
        port.send(order)
    return raised.value


# ---------------------------------------------------------------- what is asked for


def test_a_transfer_says_whose_it_is(server: StripeServer, port: StripeTransfers) -> None:
    """Amount, currency and account; the withdrawal as group and metadata; the order's key as Idempotency-Key."""
    result = port.send(ORDER)
    assert server.requests[-1] == ("POST", "/v1/transfers", {
        "amount": "1500", "currency": "usd", "destination": ACCOUNT, "transfer_group": "w1",
        "metadata[withdrawalId]": "w1", "metadata[key]": "w1-1",
    })  # fmt: skip
    assert server.headers[-1]["idempotency-key"] == "w1-1"
    assert result == PayoutResult(PayoutState.PAID, server.transfers[0]["id"])


def test_stripe_learns_nothing_of_the_machine(server: StripeServer, port: StripeTransfers) -> None:
    """Neither how long requests took, nor which platform it is, nor an id of it."""
    port.send(ORDER)
    port.send(replace(ORDER, withdrawal_id="w2", key="w2-1"))
    for headers in server.headers:
        assert "x-stripe-client-telemetry" not in headers
        assert not {"platform", "telemetry_id"} & set(headers["x-stripe-client-user-agent"].split('"'))


def test_nothing_is_retried_on_the_quiet(server: StripeServer, port: StripeTransfers) -> None:
    """Each try is the workflow's, which writes it down: one call, one request."""
    server.fail(Failure(500), Failure(500))
    with pytest.raises(PayoutUnavailable):
        port.send(ORDER)
    assert [method for method, _, _ in server.requests] == ["GET"]  # the failed one is not in the list
    assert server.next_failure("POST", "/v1/transfers")


def test_no_answer_in_time_is_not_known(
    server: StripeServer, port: StripeTransfers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transfer may have been made, and was: so it is found."""
    monkeypatch.setattr(stripe_client, "READ_SECONDS", 1)
    server.fail(Failure(silent_seconds=3, after=True))
    with pytest.raises(PayoutUnavailable):
        port.send(ORDER)
    assert port.find(ORDER) == PayoutResult(PayoutState.PAID, server.transfers[0]["id"])


def test_the_key_goes_to_stripe_or_to_this_machine() -> None:
    """No parameter can send it elsewhere."""
    for base in ("https://stripe.example.com", "http://127.0.0.1.example.com:1", "http://10.0.0.1:80", "http://x@y"):
        with pytest.raises(ValueError, match="on this machine"):
            StripeTransfers(lambda: KEY, livemode=None, api_base=base)


def test_the_sdk_is_loaded_when_it_is_used() -> None:
    """A function that has a Stripe port and does not pay starts as fast as one without."""
    code = "import sys, refledger.adapters.payouts.stripe_connect as s; s.StripeTransfers(lambda: 'k', livemode=None); "
    code += "sys.exit(bool({'stripe', 'requests'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0


# ---------------------------------------------------------------- amounts


@pytest.mark.parametrize(
    ("amount", "code", "written"),
    [
        (1099, "EUR", 1099), (500, "JPY", 500), (5, "ISK", 500), (5120, "KWD", 5120), (2_500_000, "MGA", 25_000),
        (1045, "HUF", 1045), (80_045, "TWD", 80_045), (5121, "KWD", None), (2_500_001, "MGA", None),
        (5, "UGX", None), (1000, "IQD", None), (1000, "LYD", None),
    ],
)  # fmt: skip
def test_amounts_are_written_as_stripe_reads_them(amount: int, code: str, written: int | None) -> None:
    """What cannot be written exactly, and what might be read as a hundred times as much (UGX), is not written."""
    assert stripe_units.from_iso(amount, code) == written


@given(st.sampled_from(sorted(EXPONENTS)), st.integers(1, 10**15))
def test_what_is_written_is_read_as_the_same_amount(code: str, amount: int) -> None:
    """There and back is no change, for every currency."""
    written = stripe_units.from_iso(amount, code)
    assert written is None or stripe_units.to_iso(written, code) == amount


def test_no_currency_is_no_currency() -> None:
    """The caller has to know the currency first."""
    with pytest.raises(UnknownCurrency):
        stripe_units.from_iso(1, "XTS")


@pytest.mark.parametrize(("amount", "code"), [(5121, "KWD"), (5, "UGX"), (1000, "IQD")])
def test_an_amount_that_stripe_does_not_take_is_declined(
    server: StripeServer, port: StripeTransfers, amount: int, code: str
) -> None:
    """For certain not paid: Stripe is not even asked, and the money goes back."""
    assert not declined(port, replace(ORDER, amount=amount, currency=code)).retryable
    assert server.requests == []


def test_krona_are_sent_as_hundredths(server: StripeServer, port: StripeTransfers) -> None:
    """5 ISK are 500 to Stripe, and the transfer is recognised when it is looked up."""
    order = replace(ORDER, amount=5, currency="ISK")
    assert port.send(order) == port.find(order)
    assert server.transfers[0]["amount"] == 500


# ---------------------------------------------------------------- what errors mean


def test_no_money_at_stripe_is_the_owners_matter(server: StripeServer, port: StripeTransfers) -> None:
    """Declined and retryable; with the money there, another key pays, while the old one only repeats its answer."""
    server.balance["usd"] = 0
    assert declined(port).retryable
    server.balance["usd"] = 1500
    assert declined(port).retryable
    assert port.send(AGAIN).state is PayoutState.PAID
    assert server.paid("w1") == 1500


def test_an_account_that_cannot_be_paid_is_the_partners_matter(server: StripeServer, port: StripeTransfers) -> None:
    """Not connected, or without the capability: declined, and nothing that the owner could do."""
    server.add_account("acct_2", transfers="inactive")
    for account in ("acct_nobody", "acct_2"):
        order = replace(ORDER, key=f"w1-{account}", account=StripeAccount("Ida", account))
        assert not declined(port, order).retryable
    assert server.transfers == []


def test_a_wrong_key_is_the_owners_matter(server: StripeServer) -> None:
    """Nothing was sent: declined, retryable. To a look-up it says nothing at all."""
    port = StripeTransfers(lambda: "sk_test_another", livemode=False, api_base=server.base)
    assert declined(port).retryable
    for ask in (lambda: port.find(ORDER), lambda: port.accepts(ORDER.account)):
        with pytest.raises(PayoutUnavailable):
            ask()


@pytest.mark.parametrize(
    ("key", "livemode"), [("sk_test_x", True), ("rk_test_x", True), ("sk_live_x", False), ("rk_live_x", False)]
)
def test_a_key_of_the_other_mode_never_pays(server: StripeServer, key: str, livemode: bool) -> None:
    """In live mode a test key would move nothing and say that it paid."""
    assert declined(StripeTransfers(lambda: key, livemode=livemode, api_base=server.base)).retryable
    assert server.requests == []


def test_a_key_that_was_changed_counts_at_once(server: StripeServer) -> None:
    """It is asked for anew each time: the process that has the old one pays on with the new one."""
    keys = ["sk_test_revoked", KEY]
    port = StripeTransfers(lambda: keys[0], livemode=False, api_base=server.base)
    assert declined(port).retryable
    del keys[0]
    assert port.send(AGAIN).state is PayoutState.PAID


def test_a_key_that_cannot_be_read_says_nothing_about_a_payout(server: StripeServer) -> None:
    """Not known, so that the money stays where it is and the workflow comes back; nothing was sent."""

    def unreadable() -> str:
        raise SecretUnreadable("no such secret")

    port = StripeTransfers(unreadable, livemode=False, api_base=server.base)
    for ask in (lambda: port.send(ORDER), lambda: port.find(ORDER), lambda: port.accepts(ORDER.account)):
        with pytest.raises(PayoutUnavailable, match="cannot be read"):
            ask()
    assert server.requests == []


def test_a_key_that_was_used_for_something_else_is_a_fault(server: StripeServer, port: StripeTransfers) -> None:
    """Neither declined nor not known: something went out under this order's key, and it was not this order."""
    server.accounts["acct_2"] = {**server.accounts[ACCOUNT], "id": "acct_2"}
    server.balance["usd"] = 0
    declined(port)
    with pytest.raises(PayoutFault) as raised:
        port.send(replace(ORDER, account=StripeAccount("Ida", "acct_2")))
    assert "w1" in str(raised.value)
    assert "acct" not in str(raised.value)
    assert server.transfers == []


@pytest.mark.parametrize(
    ("status", "type", "code", "expected"),
    [
        (None, "", "", Meaning.NOT_KNOWN),
        (200, "", "", Meaning.NOT_KNOWN),
        (400, "", "", Meaning.NOT_KNOWN),
        (403, "", "", Meaning.NOT_KNOWN),
        (400, "api_error", "", Meaning.NOT_KNOWN),
        (400, "invalid_request_error", "rate_limit", Meaning.NOT_KNOWN),
        (400, "invalid_request_error", "lock_timeout", Meaning.NOT_KNOWN),
        (409, "invalid_request_error", "idempotency_key_in_use", Meaning.NOT_KNOWN),
        (409, "invalid_request_error", "", Meaning.NOT_KNOWN),
        (424, "api_error", "", Meaning.NOT_KNOWN),
        (429, "invalid_request_error", "lock_timeout", Meaning.NOT_KNOWN),
        (500, "api_error", "", Meaning.NOT_KNOWN),
        (503, "invalid_request_error", "balance_insufficient", Meaning.NOT_KNOWN),
        (418, "invalid_request_error", "", Meaning.NOT_KNOWN),
        (400, "invalid_request_error", "", Meaning.REFUSED),
        (404, "invalid_request_error", "resource_missing", Meaning.REFUSED),
        (402, "card_error", "account_closed", Meaning.REFUSED),
        (400, "invalid_request_error", "insufficient_capabilities_for_transfer", Meaning.REFUSED),
        (400, "invalid_request_error", "balance_insufficient", Meaning.REFUSED_FOR_OWNER),
        (402, "card_error", "balance_insufficient", Meaning.REFUSED_FOR_OWNER),
        (400, "invalid_request_error", "parameter_unknown", Meaning.REFUSED_FOR_OWNER),
        (401, "invalid_request_error", "", Meaning.REFUSED_FOR_OWNER),
        (403, "invalid_request_error", "", Meaning.REFUSED_FOR_OWNER),
        (400, "idempotency_error", "", Meaning.OTHER_ORDER),
    ],
)
def test_only_what_stripe_itself_refuses_is_certain(
    status: int | None, type: str, code: str, expected: Meaning
) -> None:
    """Everything else, whatever it is, leaves open whether money moved."""
    assert meaning(status, type, code) is expected


@given(st.integers(100, 599), st.text(max_size=20), st.text(max_size=20))
def test_no_other_status_ever_returns_the_money(status: int, type: str, code: str) -> None:
    """Whatever a provider may make up: "declined" needs one of five statuses and Stripe's own error object."""
    if status not in (400, 401, 402, 403, 404) or not type:
        assert meaning(status, type, code) in (Meaning.NOT_KNOWN, Meaning.OTHER_ORDER)


def test_of_an_error_only_harmless_words_are_shown() -> None:
    """Status, code and request, each only if it looks like one."""
    assert words(400, "balance_insufficient", "req_1a") == "400, balance_insufficient, req_1a"
    assert words(None, "No such destination: 'acct_1'", "acct_1") == "no answer"


def test_an_answer_that_is_no_transfer_is_not_known(server: StripeServer, port: StripeTransfers) -> None:
    """Success without a transfer in it proves nothing."""
    for body in (b'{"object": "charge", "id": "ch_1"}', b'{"object": "transfer", "id": "tr_1"}', b"{}", b"<html>"):
        server.fail(Failure(200, body=body))
        with pytest.raises(PayoutUnavailable):
            port.send(ORDER)


# ---------------------------------------------------------------- what is found


def test_all_taken_back_is_not_paid(server: StripeServer, port: StripeTransfers) -> None:
    """A reversed transfer is no payout: not found, not repeated from Stripe's memory, and a new key pays anew."""
    server.reverse(port.send(ORDER).transaction_id)
    assert port.find(ORDER) is None
    assert declined(port).retryable
    assert port.send(AGAIN).state is PayoutState.PAID
    assert (server.paid("w1"), len(server.transfers)) == (1500, 2)


def test_a_part_taken_back_leaves_it_paid(server: StripeServer, port: StripeTransfers) -> None:
    """The event about it tells of the part; a look-up must not lead to a second payout."""
    result = port.send(ORDER)
    server.reverse(result.transaction_id, 500)
    assert port.find(ORDER) == port.send(AGAIN) == result
    assert len(server.transfers) == 1


@pytest.mark.parametrize(
    ("field", "value"), [("amount", 1501), ("currency", "eur"), ("destination", "acct_2"), ("livemode", True)]
)
def test_something_else_than_was_ordered_is_a_fault(
    server: StripeServer, port: StripeTransfers, field: str, value: object
) -> None:
    """It is not taken for the payout, and none is sent beside it."""
    port.send(ORDER)
    server.transfers[0][field] = value
    for ask in (port.find, port.send):
        with pytest.raises(PayoutFault):
            ask(ORDER)
    assert len(server.transfers) == 1


def test_a_transfer_of_what_stripe_does_not_take_is_a_fault(server: StripeServer, port: StripeTransfers) -> None:
    """Made by somebody's hand, with our labels: it is looked at by a person, and not taken for "declined"."""
    port.send(ORDER)
    server.transfers[0] |= {"amount": 500, "currency": "ugx"}
    with pytest.raises(PayoutFault):
        port.find(replace(ORDER, amount=5, currency="UGX"))


def test_two_standing_transfers_are_a_fault(server: StripeServer, port: StripeTransfers) -> None:
    """Somebody paid twice by other means: both are named."""
    port.send(ORDER)
    server.transfers.append({**server.transfers[0], "id": "tr_other"})
    with pytest.raises(PayoutFault, match="tr_other"):
        port.find(ORDER)


def test_it_is_found_behind_pages_of_others(server: StripeServer, port: StripeTransfers) -> None:
    """The group is a label that anybody with the key may use; ours says in its metadata that it is ours."""
    result = port.send(ORDER)
    foreign = [{**server.transfers[0], "id": f"tr_f{n}", "metadata": {}} for n in range(250)]
    server.transfers += foreign
    server.requests.clear()
    assert port.find(ORDER) == result
    assert len(server.requests) == 3
    server.transfers[:] = foreign
    assert port.find(ORDER) is None


def test_a_group_without_end_is_a_fault(
    server: StripeServer, port: StripeTransfers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be looked through says nothing about whether it was paid."""
    monkeypatch.setattr(stripe_connect, "GROUP_LIMIT", 2)
    port.send(ORDER)
    server.transfers += [{**server.transfers[0], "id": f"tr_f{n}", "metadata": {}} for n in range(2)]
    with pytest.raises(PayoutFault):
        port.send(ORDER)


# ---------------------------------------------------------------- accounts


@pytest.mark.parametrize(
    ("transfers", "payouts_enabled", "accepted"),
    [("active", True, True), ("inactive", True, False), ("pending", True, False), ("active", False, False)],
)
def test_an_account_accepts_money_that_it_can_pass_on(
    server: StripeServer, port: StripeTransfers, transfers: str, payouts_enabled: bool, accepted: bool
) -> None:
    """The capability, and payouts to a bank."""
    server.add_account("acct_2", transfers=transfers, payouts_enabled=payouts_enabled)
    assert port.accepts(StripeAccount("Ida", "acct_2")) is accepted


def test_no_account_accepts_nothing(server: StripeServer, port: StripeTransfers) -> None:
    """One that does not exist or is not connected is answered with 403, and is no matter of the key's."""
    assert not port.accepts(StripeAccount("Ida", "acct_nobody"))
    for status in (403, 404, 500):
        server.fail(Failure(status, "invalid_request_error", path=f"/v1/accounts/{ACCOUNT}", method="GET"))
        with pytest.raises(PayoutUnavailable):
            port.accepts(ORDER.account)
