"""Every key of the table. No other file knows how one is put together.

pk / sk                                what
G / <program>                          program
G#<program> / V#<version>              program as it was in that version
P#<partner> / A | B#<CUR> | D#<CUR>    partner; balance; how far its rewards were looked at
P#<partner> / M#<id>#<version> | M     payout method; how many there are
U#CODE#…, U#EMAIL#…, U#SUB#…, U#KEY#…  guards: one of its kind in the deployment
C#<program>#<customer> / A             binding of a customer
F#<partner> / <b32(ms, hash)>          referral
E#<payment> / A | R#<refund> | D#<dispute>  payment; a refund, a dispute of it
R#<partner> / <b32(due, CUR, src, tier)>  reward
J#<partner>#<CUR> / <day>#<version>    journal entry
W#<withdrawal> / A | N#<n> | T#<kind>  withdrawal; what people wrote about it; the token its workflow waits with
B#<batch> / A | D#<ms>#<request>       batch of bank transfers; who was given its file
X#<adjustment> / A                     adjustment or write-off
S#P#<partner> / D#<day>#<shard> | T    roll-up of a day; totals
S#P#<partner>#<generation> / …         the same, of a generation that was built anew
S#G#<partner> / A                      which generation of them counts
S#G<program> … see the functions           roll-ups of programs, cohorts, forecasts, the journal
TOP#<program> / <month or ALL>#<metric>  leaderboard
K#<code> / <day>#<lane>                clicks
Q#<program> / <folded text>#<partner>  search row
A#<entity> / <ms>#<number>             audit
U#LEAD#…                               guard: the referral of a lead
I#<id> / A                             invitation or application
O#<id> / A                             job
H#<request> / A                        answer of a bulk call
L#<caller>#<class> / <minute>          rate limit counter
SYS / <name>                           how far a schedule has looked

Indexes: `list` (l1, l2) for what people page through, `work` (w1, w2) for what waits for somebody or for a time.
Ids: a reward's or referral's id is its partner's id (16 characters) and its sort key, so its key is a slice of it.
Text from outside enters a key only as a keyed hash.
"""

from __future__ import annotations

from typing import Final

from refledger.domain import base32
from refledger.domain.times import day

Key = dict[str, str]

PARTNER_ID_LENGTH: Final = 16
REWARD_ID_LENGTH: Final = PARTNER_ID_LENGTH + 32
LOWEST, HIGHEST = "!", "~"  # sort before and after every sort key
DUE_SHARDS: Final = 4
ALONE: Final = "A"


def _key(pk: str, sk: str = ALONE) -> Key:
    return {"pk": pk, "sk": sk}


def program(program_id: str) -> Key:
    return _key("G", program_id)


def programs() -> str:
    return "G"


def program_version(program_id: str, version: int) -> Key:
    return _key(f"G#{program_id}", f"V#{version:06d}")


def program_versions(program_id: str) -> str:
    return f"G#{program_id}"


def partner(partner_id: str) -> Key:
    return _key(f"P#{partner_id}")


def balance(partner_id: str, currency: str) -> Key:
    return _key(f"P#{partner_id}", f"B#{currency}")


def due_cursor(partner_id: str, currency: str) -> Key:
    return _key(f"P#{partner_id}", f"D#{currency}")


def balances(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a partner's balances."""
    return f"P#{partner_id}", "B#", "B#~"


def method(partner_id: str, method_id: str, version: int) -> Key:
    return _key(f"P#{partner_id}", f"M#{method_id}#{version:03d}")


def method_count(partner_id: str) -> Key:
    return _key(f"P#{partner_id}", "M")


def methods(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a partner's payout methods."""
    return f"P#{partner_id}", "M#", "M#~"


def versions_of_method(partner_id: str, method_id: str) -> tuple[str, str, str]:
    return f"P#{partner_id}", f"M#{method_id}#", f"M#{method_id}#~"


def code(code: str) -> Key:
    return _key(f"U#CODE#{code}")


def email(hashed: str) -> Key:
    return _key(f"U#EMAIL#{hashed}")


def user(hashed: str) -> Key:
    return _key(f"U#SUB#{hashed}")


def lead(hashed: str) -> Key:
    return _key(f"U#LEAD#{hashed}")


def answer(hashed: str) -> Key:
    """What a bulk call came to, for its repeat."""
    return _key(f"H#{hashed}")


def request(hashed: str) -> Key:
    return _key(f"U#KEY#{hashed}")


def binding(program_id: str, customer: str) -> Key:
    return _key(f"C#{program_id}#{customer}")


def referral_id(partner_id: str, at_ms: int, digest: bytes) -> str:
    return partner_id + base32.encode(at_ms.to_bytes(6) + digest[:9])


def referral(referral_id: str) -> Key:
    return _key(f"F#{referral_id[:PARTNER_ID_LENGTH]}", referral_id[PARTNER_ID_LENGTH:])


def referrals(partner_id: str) -> str:
    return f"F#{partner_id}"


def payment(payment: str) -> Key:
    return _key(f"E#{payment}")


def refund(payment: str, hashed: str) -> Key:
    """A refund, under its payment."""
    return _key(f"E#{payment}", f"R#{hashed}")


def dispute(payment: str, hashed: str) -> Key:
    """A dispute, under its payment."""
    return _key(f"E#{payment}", f"D#{hashed}")


def taken_back(payment: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a payment's refunds and disputes."""
    return f"E#{payment}", "D#", "R#~"


def reward_id(partner_id: str, due_ms: int, currency: str, payment: str, tier: int) -> str:
    source = base32.decode(payment)[:10]
    return partner_id + base32.encode(due_ms.to_bytes(6) + currency.encode() + source + bytes([tier]))


def is_reward_id(text: str) -> bool:
    """Whether a reward could have this id: its key is a slice of it, and neither part may be empty."""
    return len(text) == REWARD_ID_LENGTH


def reward(reward_id: str) -> Key:
    return _key(f"R#{reward_id[:PARTNER_ID_LENGTH]}", reward_id[PARTNER_ID_LENGTH:])


def rewards(partner_id: str) -> str:
    return f"R#{partner_id}"


def due_from(at_ms: int) -> str:
    """Where the rewards begin that are due at `at_ms` or later, for any currency and payment."""
    return base32.encode(at_ms.to_bytes(6) + bytes(14))


def due_at(reward_sort_key: str) -> int:
    """When the reward with this sort key is due, in epoch milliseconds."""
    return int.from_bytes(base32.decode(reward_sort_key)[:6])


def currency_of(reward_sort_key: str) -> str:
    """The currency in a reward's sort key."""
    return base32.decode(reward_sort_key)[6:9].decode()


def journal(partner_id: str, currency: str) -> str:
    return f"J#{partner_id}#{currency}"


def entry(partner_id: str, currency: str, at_ms: int, version: int) -> Key:
    return _key(journal(partner_id, currency), f"{day(at_ms)}#{version:010d}")


def withdrawal(withdrawal_id: str) -> Key:
    return _key(f"W#{withdrawal_id}")


def withdrawal_note(withdrawal_id: str, place: str) -> Key:
    """What was written with one of its steps or approvals."""
    return _key(f"W#{withdrawal_id}", f"N#{place}")


def withdrawal_and_notes(withdrawal_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"W#{withdrawal_id}", ALONE, "N#~"


def task_token(withdrawal_id: str, kind: str) -> Key:
    return _key(f"W#{withdrawal_id}", f"T#{kind}")


def batch(batch_id: str) -> Key:
    return _key(f"B#{batch_id}")


def batch_download(batch_id: str, at_ms: int, request: str) -> Key:
    return _key(f"B#{batch_id}", f"D#{at_ms}#{request}")


def batch_downloads(batch_id: str) -> tuple[str, str, str]:
    return f"B#{batch_id}", "D#", "D#~"


def adjustment(adjustment_id: str) -> Key:
    return _key(f"X#{adjustment_id}")


def statistics(partner_id: str, generation: int = 0) -> str:
    return f"S#P#{partner_id}#{generation}" if generation else f"S#P#{partner_id}"


def statistics_generations(partner_id: str) -> Key:
    """Which generation of a partner's roll-ups counts, and which is being built."""
    return _key(f"S#G#{partner_id}")


def statistics_part(dimension: str, day: str, shard: str) -> Key:
    return _key(dimension, f"D#{day}#{shard[-8:]}")


def statistics_day(dimension: str, day: str) -> Key:
    return _key(dimension, f"D#{day}")


def statistics_totals(dimension: str) -> Key:
    return _key(dimension, "T")


def limit(caller: str, kind: str, minute: int) -> Key:
    return _key(f"L#{caller}#{kind}", str(minute))


def cursor(name: str) -> Key:
    return _key("SYS", name)


# ---------------------------------------------------------------- index keys, as attributes of an item


def listed(partition: str, at_ms: int, id: str) -> dict[str, str]:
    """What people page through, newest first."""
    return {"l1": partition, "l2": f"{at_ms}#{id}"}


def waiting(partition: str, at_ms: int, id: str) -> dict[str, str]:
    """What waits for somebody, or for a time."""
    return {"w1": partition, "w2": f"{at_ms}#{id}"}


def all_partners() -> str:
    return "P"


def partners_of(status: str) -> str:
    return f"P#{status}"


def referrals_of_program(program_id: str) -> str:
    return f"F#{program_id}"


def withdrawals_of_partner(partner_id: str) -> str:
    return f"W#{partner_id}"


def withdrawals_of(status: str) -> str:
    """Those that go on by themselves, or have ended."""
    return f"W#{status}"


def withdrawals_with_problem() -> str:
    """Those that a person must look at, whatever their status: they are in no other of these lists."""
    return "W#PROBLEM"


def all_batches() -> str:
    return "B"


def adjustments_of_partner(partner_id: str) -> str:
    return f"X#{partner_id}"


def waiting_adjustments() -> str:
    return "X"


def payment_shard(payment: str) -> int:
    return sum(payment.encode()) % DUE_SHARDS


def payments_of_program(program_id: str, payment: str) -> str:
    return f"E#{program_id}#{payment_shard(payment)}"


def payment_shards(program_id: str) -> list[str]:
    return [f"E#{program_id}#{number}" for number in range(DUE_SHARDS)]


def rewards_in(program_id: str, state: str) -> str:
    """Rewards that somebody may want to look at: HELD, REVIEW (to be approved by hand), CANCELLED."""
    return f"R#{program_id}#{state}"


def parked_payments() -> str:
    return "PARKED"


def open_disputes() -> str:
    return "DISPUTE"


def due_shard(number: int) -> str:
    return f"DUE#{number}"


# ---------------------------------------------------------------- what a key says


AUDITED: Final = frozenset("GPFRWXBIOE")  # kinds of items of which people ask who did what


def is_audited(key: Key) -> bool:
    """Whether people may ask who changed it. Balances, entries, counters and guards follow from what is."""
    kind, sort_key = kind_of(key), key["sk"]
    return kind in AUDITED and not (kind == "P" and sort_key.startswith(("B#", "D#")))


def kind_of(key: Key) -> str:
    """The first letter of the partition: R for a reward, F for a referral, …"""
    return key["pk"].split("#", 1)[0]


def owner_of(key: Key) -> str:
    """What the partition is of: the partner of a reward, referral or balance, the id of a withdrawal."""
    return key["pk"].split("#")[1]


def hash_of(key: Key) -> str:
    """The hash in the key of a refund or a dispute."""
    return key["sk"][2:]


def is_refund(key: Key) -> bool:
    """Whether what lies under a payment is a refund; else it is a dispute."""
    return key["sk"].startswith("R#")


def last_two_of(key: Key) -> tuple[str, str]:
    """Program and customer of a binding, partner and currency of a journal entry."""
    _, first, second = key["pk"].split("#")
    return first, second


def method_in(key: Key) -> tuple[str, int]:
    """Id and version in the key of a payout method."""
    _, method_id, version = key["sk"].split("#")
    return method_id, int(version)


def id_at(position: str) -> str:
    """The id in a position of a list."""
    return position.split("#")[1]


def moment_at(position: str) -> int:
    """The time in a position of a list, in epoch milliseconds."""
    return int(position.split("#")[0])


def place_of_note(sort_key: str) -> str:
    return sort_key.removeprefix("N#")


def day_of_statistics(sort_key: str) -> str:
    """The day in the sort key of a roll-up's part or day."""
    return sort_key[2:10]


def open_days(closed_day: str) -> tuple[str, str]:
    """The lowest and highest sort key of the days after a closed one ("" for all)."""
    return (f"D#{closed_day}~" if closed_day else "D#"), "D#~"


def days_until(after: str, closed_day: str) -> tuple[str, str]:
    """The lowest and highest sort key of the days after `after` ("" for the first) and up to `closed_day`."""
    return open_days(after)[0], f"D#{closed_day}~"
