"""What is told of a change, and to whom: who did what, when, from where, and what was there before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address, ip_network
from typing import Any, Final

TEXT_LIMIT: Final = 500  # characters of a text; more is cut
VALUE_LIMIT: Final = 8_000  # characters of a whole value, as it is printed; more is not repeated at all
TOO_LONG: Final = "(too long to be repeated)"

# What says nothing to people (keys, who and when, which the entry says itself), and what must never be repeated
_HIDDEN: Final = """
    pk sk listed_in listed_at waits_in waits_at ttl who n by changed id revision entry stamp hash body request steps
    idle up sent resumed cipher token tokens secret secrets signature key upload parts position rest saved touched
    restarts complete same swept last_used
"""
# What anybody on the staff may see of it. Whatever is not named here is personal until somebody looks at it: names,
# addresses, accounts, and texts in which people write what they like.
_PLAIN: Final = """
    status version program code codes label campaign created vanity tier tags notices own customer currency currencies
    rules hold_days approval_timeout_seconds reviews attribution_days source lead depth rule until converted paid
    closed amount base kind origin due occurred back rewards unearned reversed cancelled limit paid_by review cap
    rate earned payment referral product attempt transaction approvals risks payout problem batch requester expires
    partner approver decided type verified verifier disabled lines at active what filters done total owner finished
    format report links pauses adjustment uses max_uses accepted applicant revoked user author decider dry counts
    attribution ended conversion makers exposure cooling bind_within new_customers shipping linked terms made because
    before forgotten system twin cleared entries chain live scopes rotated revoker
"""
_MOMENTS: Final = """
    created until converted paid closed due occurred earned expires decided verified disabled at finished accepted
    revoked linked ended forgotten rotated
"""
TRAIL: Final = "was_"  # before an attribute: what it was before a day, which an earlier entry has told
HIDDEN, PLAIN, MOMENTS = (frozenset(names.split()) for names in (_HIDDEN, _PLAIN, _MOMENTS))


class AuditAction(StrEnum):
    """What was done to an item."""

    CREATED = "CREATED"  # it was not there before
    CHANGED = "CHANGED"  # some of its values are others
    DELETED = "DELETED"  # it is no longer there


@dataclass(frozen=True)
class Change:
    """Of one attribute; None where there was none."""

    field: str
    before: Any
    after: Any

    @property
    def is_personal(self) -> bool:
        return self.field not in PLAIN

    @property
    def is_moment(self) -> bool:
        """Whether the values are epoch milliseconds, 0 for never."""
        return self.field in MOMENTS


@dataclass(frozen=True)
class AuditEntry:
    """`entity`: its id; `part`: which part of it, "" for the whole. `actor`: keyed hash of the user, "" for the system.

    `kind`: their role. `origin`: the address they called from. `number`: orders entries of one moment.
    """

    entity: str
    type: str
    part: str
    action: AuditAction
    at_ms: int
    number: str
    changes: tuple[Change, ...]
    actor: str = ""
    kind: str = "system"
    origin: str = ""
    request: str = ""
    operation: str = ""


def network(origin: str, v4_bits: int = 24, v6_bits: int = 48) -> str:
    """Return the network that an address is of, as wide as what is kept for good; "" for none.

    An address of IPv4 is one however it is written.
    """
    try:
        address = ip_address(origin)
    except ValueError:
        return ""
    address = getattr(address, "ipv4_mapped", None) or address
    return str(ip_network(f"{address}/{v4_bits if address.version == 4 else v6_bits}", strict=False))


def compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return what of an item is different, by name.

    Hidden attributes are not looked at.
    """
    names = sorted(name for name in (old.keys() | new.keys()) - HIDDEN if not name.startswith(TRAIL))
    return tuple(
        Change(name, _kept(name, old.get(name)), _kept(name, new.get(name)))
        for name in names
        if old.get(name) != new.get(name)
    )


def _kept(name: str, value: Any) -> Any:
    """The value as it is repeated: bounded, so that what was done can always be written down.

    Of how to reach somebody only what who knows it recognises: entries are kept for good, and can only be added to.
    """
    if isinstance(value, str) and value and name == "email":
        local, _, domain = value.rpartition("@")
        return f"{local[:1]}…@{domain}"
    if isinstance(value, str) and value and name == "phone":
        return f"…{value[-2:]}"
    if isinstance(value, str) and len(value) > TEXT_LIMIT:
        return value[:TEXT_LIMIT] + "…"
    return TOO_LONG if len(str(value)) > VALUE_LIMIT else value
