"""As long as things get: ten tiers, the longest id of a program, and all the text that people may type."""

from __future__ import annotations

from benchmarks.bench import Bench, design, model, today
from refledger.domain.currencies import MAX_AMOUNT
from refledger.domain.methods import BankAccount
from refledger.domain.times import DAY_MS
from refledger.domain.withdrawals import WithdrawalStatus
from refledger.operations.earning import maturity
from refledger.operations.earning.payments import RecordOutcome
from refledger.operations.partners import partners
from refledger.operations.partners.partners import NewPartner
from refledger.operations.payouts import methods, withdrawals
from refledger.operations.referring import code_application

RATES = (1000, 900, 800, 700, 600, 500, 400, 300, 200, 100)
PROGRAM = "p" * 40
NAME, NOTE = "n" * 100, "n" * 500
ACCOUNT = BankAccount(NAME, "", "9" * 34, "9" * 20)


def growing(bench: Bench) -> None:
    """A chain of twelve partners under each other; the customer is below the last."""
    books, context = bench.books, bench.books.context
    chain = [f"link {number}" for number in range(12)]
    for name in chain:
        email = (name.replace(" ", "") + "e" * 254)[:242] + "@example.com"
        new = NewPartner(NAME, NAME, email, "9" * 32, NAME, PROGRAM, books.user(name))
        partners.create(context, new, "admin", name, "body")
    books.chain(*chain)
    code = books.partner(chain[-1]).code
    with bench.measure("apply a code, ten tiers, circle check", today(5, 3, 12, 8)):
        code_application.apply(context, books.limits, books.user("customer"), code, "customer")
    books.pay("customer", "p0", MAX_AMOUNT, program_id=PROGRAM)
    with bench.measure("payment, ten tiers", model(1, 1, 2 * 10 + 6, 1)):
        paid = books.pay("customer", "p1", MAX_AMOUNT, program_id=PROGRAM)
    assert paid.outcome is RecordOutcome.RECORDED

    books.clock.forward(2 * DAY_MS)
    maturity.mature_all(context, books.partner(chain[-1]).id, "USD")
    user, admin, request = books.user(chain[-1]), books.user("admin"), books.ids.hash("request")
    with bench.measure("payout method: a new account, the longest", today(4, 1, 8, 4)):
        method = methods.add(context, lambda: books.vault, books.partner(chain[-1]).id, ACCOUNT)
    with bench.measure("withdrawal: request, of another program, longest account", design(2, 1, 8, None)):
        asked, _ = withdrawals.request(
            context, user, "k1", MAX_AMOUNT // 100, "USD", method.id, request, lambda: books.vault
        )
    with bench.measure("withdrawal: approve, longest note", today(12, 1, 16, "29.5")):
        withdrawals.decide(context, asked.id, WithdrawalStatus.APPROVED, admin, request, NOTE)
    with bench.measure("withdrawal: mark failed, longest note", today(4, 1, 10, 7)):
        withdrawals.conclude(context, asked.id, WithdrawalStatus.FAILED, admin, books.ids.hash("another"), NOTE)
