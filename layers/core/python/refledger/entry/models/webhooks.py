"""What a sender of events is answered."""

from __future__ import annotations

from refledger.entry.models.common import View


class EventTaken(View):
    """The event need not be sent again. `outcome`: what was done with it, in a word."""

    outcome: str
