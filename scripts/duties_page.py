"""Writes docs/duties.md: who may do what to whose money, from the table that decides."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "layers" / "core" / "python"))

from refledger.domain import duties  # noqa: E402  the layer is not installed
from refledger.domain.duties import DUTIES, Act, Relation  # noqa: E402
from refledger.domain.exposures import Marked  # noqa: E402
from refledger.domain.programs import MAKER_WINDOW_DAYS  # noqa: E402
from refledger.entry import access  # noqa: E402
from refledger.entry.access import Role  # noqa: E402

REFERRALS, REWARDS, WITHDRAWALS = "/api/v1/referrals", "/api/v1/rewards", "/api/v1/withdrawals"
PARTNER, PROGRAM, REFERRAL = (
    "/api/v1/partners/{partnerId}",
    "/api/v1/programs/{programId}",
    f"{REFERRALS}/{{referralId}}",
)
REWARD, WITHDRAWAL = f"{REWARDS}/{{rewardId}}", f"{WITHDRAWALS}/{{withdrawalId}}"
ROUTES_OF: dict[Act, tuple[str, ...]] = {
    Act.ADJUST: ("/api/v1/adjustments",),
    Act.WRITE_OFF: ("/api/v1/adjustments",),
    Act.APPROVE_ADJUSTMENT: ("/api/v1/adjustments/{adjustmentId}/approve",),
    Act.REJECT_ADJUSTMENT: ("/api/v1/adjustments/{adjustmentId}/reject",),
    Act.GIVE_REWARD: (REWARDS,),
    Act.REFER: (REFERRALS, f"{REFERRALS}/bulk", f"{REFERRAL}/link-to-lead"),
    Act.CONVERT_BY_MACHINE: (f"{REFERRAL}/process-conversion", f"{REFERRALS}/process-conversion"),
    Act.ACCEPT_PAYMENT: ("/api/v1/payments/{paymentId}/accept",),
    Act.CLEAR_DUPLICATE: ("/api/v1/payments/{paymentId}/duplicate",),
    Act.HOLD_REWARD: (f"{REWARD}/hold",),
    Act.RELEASE_REWARD: (f"{REWARD}/release",),
    Act.APPROVE_REWARD: (f"{REWARD}/approve", f"{REWARDS}/bulk-approve"),
    Act.CANCEL_REWARD: (f"{REWARD}/cancel", f"{REWARDS}/bulk-cancel"),
    Act.PAY_REWARD: (f"{REWARD}/process-payment", f"{REWARDS}/process-payment", f"{REWARDS}/bulk-pay"),
    Act.APPROVE_WITHDRAWAL: (f"{WITHDRAWAL}/approve", f"{WITHDRAWALS}/bulk-approve"),
    Act.REJECT_WITHDRAWAL: (f"{WITHDRAWAL}/reject",),
    Act.EXPORT_WITHDRAWAL: ("/api/v1/payout-batches",),
    Act.MARK_PAID: (f"{WITHDRAWAL}/mark-paid", f"{WITHDRAWALS}/bulk-mark-paid"),
    Act.MARK_FAILED: (f"{WITHDRAWAL}/mark-failed",),
    Act.MARK_RETURNED: (f"{WITHDRAWAL}/mark-returned",),
    Act.RETRY_PAYOUT: (f"{WITHDRAWAL}/retry",),
    Act.RESOLVE_PROBLEM: (f"{WITHDRAWAL}/resolve",),
    Act.LINK_USER: (f"{PARTNER}/link-user",),
    Act.DECIDE_APPLICATION: tuple(f"/api/v1/applications/{{applicationId}}/{how}" for how in ("approve", "reject")),
    Act.VERIFY_ACCOUNT: (f"{PARTNER}/payout-methods/{{methodId}}/verify",),
    Act.CHANGE_STATUS: tuple(f"{PARTNER}/{how}" for how in ("activate", "deactivate", "suspend", "terminate")),
    Act.LOOSEN_TERMS: ("/api/v1/programs", f"{PROGRAM}/resume"),
    Act.CONFIRM_TERMS: (f"{PROGRAM}/changes/{{changeId}}/confirm",),
    Act.MAKE_KEY: ("/api/v1/api-keys",),
    Act.CONFIRM_KEY: ("/api/v1/api-keys/{apiKeyId}/confirm",),
    Act.ROTATE_KEY: ("/api/v1/api-keys/{apiKeyId}/rotate",),
}
REFUNDS = "/api/v1/payments/{paymentId}/refunds"
BEHIND: dict[Act, set[str]] = {
    **{act: {f"POST {path}" for path in paths} for act, paths in ROUTES_OF.items()},
    Act.TELL_SALE: {"POST /api/v1/events/sale"},
    Act.CONVERT: {f"POST {REFERRAL}/process-conversion"},
    Act.REFUND_PAYMENT: {f"POST {REFUNDS}"},
    Act.CONFIRM_REFUND: {f"POST {REFUNDS}/{{refundId}}/confirm"},
    Act.UNDO_REFUND: {f"POST {REFUNDS}/{{refundId}}/undo"},
    Act.HOLD_REWARD: {f"POST {REWARD}/hold"},
    Act.CLOSE_REFERRAL: {f"POST {REFERRAL}/close"},
    Act.INVITE: {"POST /api/v1/invitations/{token}/accept"},
    Act.ADD_ACCOUNT: {"POST /api/v1/payout-methods", "POST /api/v1/referrals/withdraw"},  # names an account, too
    Act.LIFT_SUSPENSION: {f"POST {PARTNER}/{how}" for how in ("activate", "deactivate", "terminate")},
    Act.SET_RATES: {f"PUT {PARTNER}/commission"},
    Act.RAISE_RATES: {f"PUT {PARTNER}/commission"},
    Act.RELEASE_TOLD: {f"POST {REWARD}/release"},
    Act.ANCHOR: {"POST /api/v1/adjustments", "POST /api/v1/adjustments/{adjustmentId}/approve"},
    Act.TIGHTEN_TERMS: {f"PUT {PROGRAM}"},
}

HEAD = f"""# Who may do it, and whether one person is enough

Look up here who of the staff may do something to whose money, what it is held against, and what happens above a limit.
Which role may call which route says [access.md](access.md). Made by `make openapi` from `domain/duties.py`, which is
what decides.

- **Who**: the roles that a route of the act lets in; `self` is whoever is signed in, for what is their own.
- **Never** says who cannot do it whatever the amount: who gets the money or may come to (`beneficiary`), who asked for
  it (`requester`), who made what is decided about (`maker`), who earns in the program (`earner`).
- **Measured** is what is at stake. It is summed up over 24 to 25 hours, by the hour, for each partner *and* for who
  does it, in each currency; with `exposure` in the program's terms also over all currencies. Sums are kept apart for
  what people make (`MADE`), what machines tell (`TOLD`), what is let out (`OUT`) and what is marked as paid by the one
  who approved it (`MARKED`). What two people did counts in none: the limits are for what one does. What a service's
  sales earn (`SOLD`) is summed up by the day (UTC) for the service alone, over all partners and programs. Payments that
  the bus or Stripe tells of are counted nowhere.
- **Limit** is the program's, by currency. With no limit one person is enough for any amount. The sums are written in
  the transaction of the act, under what was read of them: a hundred calls at once pass no more than one by one.
- **Above it**: `waits`: nothing moves until another person says yes; `held`: it is made, and held until another person
  releases it; `two`: this yes is kept, and another person's is needed; `refused`: `SECOND_PERSON_NEEDED`, and another
  way has two people.
- **Marks**: what the partner's record keeps of who did it, for `makerWindowDays` of the program
  ({MAKER_WINDOW_DAYS} unless it says otherwise, 0 for never). **Barred by**: who has such a mark cannot do it for that
  partner, and is no second person either. Nor does the program's rule approve then, unless the mark is `ACCOUNT`.
- **Machines**: whether a token without a person may do it.

| act | what | who | never | measured | sum | limit | above it | barred by | marks | machines |
|---|---|---|---|---|---|---|---|---|---|---|
"""
TAIL = """
## Marks

| mark | who has it |
|---|---|
"""


def page() -> str:
    """The page's text."""
    marks = "".join(f"| {mark} | {duties.DONE_BEFORE[mark]} |\n" for mark in Marked)
    return HEAD + "".join(map(_row, Act)) + TAIL + marks


def _row(act: Act) -> str:
    duty = DUTIES[act]
    cells = [
        f"`{act}`", duty.what, _who(act), _names(duty.never, Relation), duty.measure, duty.tally or "",
        f"`{duty.limit}`" if duty.limit else "", duty.above.lower() if duty.above else "",
        "any mark" if duty.barred_by == frozenset(Marked) else _names(duty.barred_by, Marked), duty.marks or "",
        "yes" if duty.by_machine else "no",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |\n"


def _who(act: Act) -> str:
    told = [one for route in sorted(BEHIND[act]) if (one := access.ROUTES[route])]
    roles = [role for role in Role if any(role in one.roles for one in told)]
    return ", ".join([*roles, *(["self"] if any(one.own for one in told) else [])])


def _names(some: frozenset[Relation] | frozenset[Marked], all: type[Relation] | type[Marked]) -> str:
    return ", ".join(each.lower() for each in all if each in some)


if __name__ == "__main__":
    sys.stdout.write(page())
