"""Making programs."""

from __future__ import annotations

from refledger.domain.errors import ProgramExists
from refledger.domain.programs import Program
from refledger.operations.context import Context
from refledger.operations.once import Once
from refledger.store import programs
from refledger.store.transaction import Moved


def create(context: Context, program: Program, caller: str, key: str | None, body: str) -> Program:
    """Idempotent by the Idempotency-Key; without one a second program of the same id is refused.

    Raises ProgramExists, KeyReused.
    """
    request = Once.of(context, caller, "programs", key, context.ids.hash("body", program.id, body))

    def once() -> Program:
        try:
            context.table.commit(programs.create(program), request.guard(program=program.id))
        except Moved as moved:
            if earlier := request.earlier(moved):
                return programs.find(context.table, earlier["program"])
            raise ProgramExists(f"there is a program {program.id} already") from None
        return program

    return context.repeat(once)
