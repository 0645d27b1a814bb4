"""What earns on somebody's word: a conversion that is told, a parked payment that is accepted.

Above what may be made so in a day its rewards are held, until a person releases them who did not say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from refledger.domain.duties import Act, NeedsSecond
from refledger.domain.programs import Program
from refledger.domain.rewards import SECOND_PERSON
from refledger.operations import duties
from refledger.operations.context import Context
from refledger.operations.payments import Entered
from refledger.store.transaction import Write


def by_word(
    context: Context,
    act: Act,
    by: str,
    program: Program,
    enter: Callable[[tuple[str, ...]], Entered],
    makers: Collection[str] = (),
) -> tuple[Entered, list[Write]]:
    """What the payment comes to, and what writes down the day's sums with it.

    `enter` makes the payment with reasons to hold its rewards. `by`: keyed hash of who says so, "" for a CRM. `makers`:
    the people behind what a machine tells. Raises what bars them.
    """
    entered = enter(())
    amounts = Counter[str]()
    for reward in entered.rewards:
        amounts[reward.partner_id] += reward.amount
    currency, by_machine = entered.payment.currency, act is Act.CONVERT_BY_MACHINE
    case = duties.case(context, act, by, [program], currency, amounts, by_machine=by_machine)
    if isinstance(case.require(), NeedsSecond):
        entered = enter((SECOND_PERSON,))
    return entered, case.writes(marks=makers if by_machine else None)
