"""A function whose memory was kept, and is used again hours later, by many at once: SnapStart.

Lambda keeps the memory after the imports and before the first event, so a snapshot has no client, no secret and nothing
that was read. All that could be of then is nevertheless forgotten after a restore, so that it does not depend on that:

    sockets, and what signs          `aws.forget`: every client is made again, its credentials and the day's key with it
    environment, secrets, programs   `config.reset`: asked for again by the first event
    random numbers                   seeded anew: pauses of many restored at once would else be the same ones. Ids and
                                     keys come from the operating system, which Lambda makes different in each
    clocks                           are asked, and kept by nothing here

Source: https://docs.aws.amazon.com/lambda/latest/dg/snapstart-runtime-hooks-python.html (read November 2026).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib import import_module

from refledger.adapters import aws
from refledger.entry import config


def register(ready: Callable[[], object]) -> None:
    """Have `ready` called before a snapshot of this function is taken, and `restored` after each restore.

    Nothing where the runtime takes no snapshots: its own module, which no layer has, is not there.
    """
    try:
        hooks = import_module("snapshot_restore_py")
    except ImportError:
        return
    hooks.register_before_snapshot(ready)
    hooks.register_after_restore(restored)


def restored() -> None:
    """Forget what may be of the moment of the snapshot."""
    random.seed()
    config.reset()
    aws.forget()
