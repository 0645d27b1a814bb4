"""Making programs."""

from __future__ import annotations

from refledger.domain.errors import ProgramExists
from refledger.domain.programs import Program
from refledger.operations.context import Context
from refledger.operations.once import Once
from refledger.store import programs
from refledger.store.transaction import Moved


def create(context: Context, program: Program, caller: str, key: str | None, body: str) -> Program:
    """Idempotent by the Idempotency-Key; without one, the same caller's same request finds its own program.

    Raises ProgramExists, KeyReused.
    """
    mark = context.ids.hash("program", caller, body)
    request = Once(context.ids.hash("request", caller, "programs", key), body) if key else None
    writes = [programs.create(program, mark), *([request.guard(program=program.id)] if request else [])]

    def once() -> Program:
        try:
            context.table.commit(*writes)
        except Moved as moved:
            if request and (earlier := request.earlier(moved)):
                return programs.find(context.table, earlier["program"])
            found = moved.found[programs.IS_NEW]
            if not request and found["body"] == mark:
                return programs.from_item(found)
            raise ProgramExists(f"there is a program {program.id} already") from None
        return program

    return context.repeat(once)
