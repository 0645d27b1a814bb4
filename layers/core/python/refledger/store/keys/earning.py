"""Keys of payments, of what is taken back of them, and of rewards."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Final

from refledger.domain import base32
from refledger.store.keys.form import LONG_ID_LENGTH, PARTNER_ID_LENGTH, Key, _key, kind_of

REWARD_ID_LENGTH: Final = PARTNER_ID_LENGTH + 32
TIE_LENGTH: Final = 9  # of a payment's id in its positions: 45 bits for payments of one millisecond and shard
DUE_SHARDS: Final = 32  # never less than it was; the table may know of more, see `shards`
_SOURCE_BYTES: Final = 10  # of a payment's id in a reward's
_TIER_BITS: Final = 4  # of a reward id's last byte: no program has more than ten tiers


def payment(payment: str) -> Key:
    return _key(f"PAYMENT#{payment}")


def is_payment_id(text: str) -> bool:
    """Return whether a payment could have this id."""
    return len(text) == LONG_ID_LENGTH and text.isalnum()


def is_of_payment(key: Key) -> bool:
    """Return whether it lies under a payment, or is one."""
    return kind_of(key) == "PAYMENT"


def refund(payment: str, hashed: str) -> Key:
    """A refund, under its payment."""
    return _key(f"PAYMENT#{payment}", f"REFUND#{hashed}")


def dispute(payment: str, hashed: str) -> Key:
    """A dispute, under its payment."""
    return _key(f"PAYMENT#{payment}", f"DISPUTE#{hashed}")


def is_refund(key: Key) -> bool:
    """Return whether what lies under a payment is a refund."""
    return key["sk"].startswith("REFUND#")


def is_dispute(key: Key) -> bool:
    return key["sk"].startswith("DISPUTE#")


def hash_of(key: Key) -> str:
    """The hash in the key of a refund or a dispute."""
    return key["sk"].partition("#")[2]


def refund_guard(hashed: str) -> Key:
    """The guard of a refund, with its payment: its id belongs to its sender, not to the payment."""
    return _key(f"GUARD#REFUND#{hashed}")


def dispute_guard(hashed: str) -> Key:
    return _key(f"GUARD#DISPUTE#{hashed}")


def suspect(payment: str) -> Key:
    """That something came under the payment's name which cannot be of it."""
    return _key(f"PAYMENT#{payment}", "SUSPECT")


def possible_duplicate(payment: str) -> Key:
    """That the payment may be another one, which another system told of."""
    return _key(f"PAYMENT#{payment}", "TWIN")


def taken_back(payment: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a payment's refunds and disputes."""
    return f"PAYMENT#{payment}", "DISPUTE#", "REFUND#~"


def reward_id(partner_id: str, due_ms: int, currency: str, payment: str, tier: int, spread: int = 0) -> str:
    """Make a reward's id: its partner's id, and its sort key.

    `spread`: over how many shards the partner's rewards are put when it is made, as a power of two. It stands in the id
    for good, beside the tier, so that the id alone says where the reward lies, however many there are later.
    """
    source = base32.decode(payment)[:_SOURCE_BYTES]
    last = spread << _TIER_BITS | tier
    return partner_id + base32.encode(due_ms.to_bytes(6) + currency.encode() + source + bytes([last]))


def spread_of(reward_id: str) -> int:
    """With which `spread` it was made; 0 for every id of before, and for what is no id."""
    return _place_of(reward_id)[0]


@lru_cache(256)  # a new reward is asked a few times
def _place_of(reward_id: str) -> tuple[int, int]:
    """The spread in a reward's id, and in which of so many shards it lies, by the checksum of its payment."""
    try:
        raw = base32.decode(reward_id[PARTNER_ID_LENGTH:])
    except ValueError:  # whatever somebody asks for
        return 0, 0
    spread = raw[-1] >> _TIER_BITS if len(raw) > _SOURCE_BYTES else 0
    return spread, zlib.crc32(raw[-1 - _SOURCE_BYTES : -1]) % (1 << spread)


def is_reward_id(text: str) -> bool:
    """Return whether a reward could have this id.

    Its key is a slice of it, and neither part may be empty.
    """
    return len(text) == REWARD_ID_LENGTH


def reward(reward_id: str) -> Key:
    """It follows from the id, whatever is known of shards at the moment."""
    partner_id, sort_key = reward_id[:PARTNER_ID_LENGTH], reward_id[PARTNER_ID_LENGTH:]
    return _key(_reward_shard(partner_id, _place_of(reward_id)[1]), sort_key)


def rewards(partner_id: str, spread: int) -> tuple[str, ...]:
    """Every partition that may hold rewards of a partner; `spread`: the highest they were made with."""
    return tuple(_reward_shard(partner_id, number) for number in range(1 << spread))


def _reward_shard(partner_id: str, number: int) -> str:
    return f"REWARD#{partner_id}#{number}" if number else f"REWARD#{partner_id}"


def due_from(at_ms: int) -> str:
    """Return where the rewards begin that are due at `at_ms` or later, for any currency and payment."""
    return base32.encode(at_ms.to_bytes(6) + bytes(14))


def due_at(reward_sort_key: str) -> int:
    """Read when the reward with this sort key is due, in epoch milliseconds."""
    return int.from_bytes(base32.decode(reward_sort_key)[:6])


def currency_of(reward_sort_key: str) -> str:
    """The currency in a reward's sort key."""
    return base32.decode(reward_sort_key)[6:9].decode()


def payment_shard(payment: str, count: int = DUE_SHARDS) -> int:
    """Return the shard, of so many, to put a payment in; look in all: it may be older than their number."""
    return zlib.crc32(payment.encode()) % count


def tie_of(payment: str) -> str:
    """Return what tells positions of one moment apart: an item of ten tiers has no room for whole ids."""
    return payment[:TIE_LENGTH]


def payments_of_program(program_id: str, payment: str, count: int = DUE_SHARDS) -> str:
    return f"PAYMENTS#{program_id}#{payment_shard(payment, count)}"


def payment_shards(program_id: str, count: int) -> list[str]:
    return [f"PAYMENTS#{program_id}#{number}" for number in range(count)]


def unreferred_of_program(program_id: str, payment: str, count: int = DUE_SHARDS) -> str:
    return f"PAYMENTS#{program_id}#UNREFERRED#{payment_shard(payment, count)}"


def unreferred_shards(program_id: str, count: int) -> list[str]:
    return [f"PAYMENTS#{program_id}#UNREFERRED#{number}" for number in range(count)]


def due_shard(number: int) -> str:
    return f"DUE#{number}"


def rewards_in(program_id: str, state: str) -> str:
    """Rewards that somebody may want to look at: HELD, REVIEW (to be approved by hand), CANCELLED."""
    return f"REWARDS#{program_id}#{state}"


def parked_payments() -> str:
    return "PARKED_PAYMENTS"


def possible_duplicates() -> str:
    return "POSSIBLE_DUPLICATES"


def open_disputes() -> str:
    return "OPEN_DISPUTES"
