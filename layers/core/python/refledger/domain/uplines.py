"""The chain of partners above a customer, nearest first, frozen when the customer is bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KEPT_LINKS = 10  # the deepest program there can be


@dataclass(frozen=True)
class Link:
    """One partner above a customer. `customer` is the partner's own customer hash, "" where there is none."""

    partner_id: str
    customer: str
    rate_bps: int


@dataclass(frozen=True)
class Binding:
    """Who earns from a customer: the fact that payments read, and nothing else."""

    program_id: str
    customer: str
    referral_id: str
    upline: tuple[Link, ...]
    depth: int  # how many tiers of the upline the program paid when the customer was bound
    rule_version: int
    bound_at_ms: int


def freeze(nearest: Link, above: Sequence[Link], rates_bps: Sequence[int]) -> tuple[Link, ...]:
    """The upline of somebody whom `nearest` referred: the nearest links with the program's rates of today.

    Links beyond the program's depth are kept with rate 0: they do not earn, but circles are found through them.
    """
    rates = [*rates_bps, *[0] * KEPT_LINKS]
    chain = [nearest, *above][:KEPT_LINKS]
    return tuple(Link(link.partner_id, link.customer, rate) for link, rate in zip(chain, rates, strict=False))
