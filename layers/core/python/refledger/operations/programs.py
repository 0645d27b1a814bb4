"""Making and reading programs."""

from __future__ import annotations

from refledger.domain.errors import KeyReused, ProgramExists
from refledger.domain.programs import Program
from refledger.operations.context import Context
from refledger.store import keys, programs
from refledger.store.transaction import Moved, put

KEY_IS_NEW = "the idempotency key is new"


def create(context: Context, program: Program, caller: str, key: str | None, body: str) -> Program:
    """Idempotent by the Idempotency-Key; without one, by the id: a second program of the same id is refused.

    Raises ProgramExists, KeyReused.
    """
    request = context.ids.hash("request", caller, "programs", key) if key else ""
    writes = [programs.create(program, body)]
    if request:
        writes.append(put(KEY_IS_NEW, {**keys.request(request), "program": program.id, "body": body}))

    def once() -> Program:
        try:
            context.table.commit(*writes)
        except Moved as moved:
            earlier = moved.found.get(KEY_IS_NEW)
            if earlier and (earlier["program"], earlier["body"]) != (program.id, body):
                raise KeyReused("this Idempotency-Key came with another request before") from None
            if earlier:
                return programs.find(context.table, program.id)
            raise ProgramExists(f"there is a program {program.id} already") from None
        return program

    return context.repeat(once)
