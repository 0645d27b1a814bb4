"""Keys of referrals, leads, and of the customers who were referred."""

from __future__ import annotations

from typing import Final

from refledger.domain import base32
from refledger.store.keys.form import NEVER, PARTNER_ID_LENGTH, Key, _key

REFERRAL_ID_LENGTH: Final = PARTNER_ID_LENGTH + 24


def referral_id(partner_id: str, at_ms: int, digest: bytes) -> str:
    return partner_id + base32.encode(at_ms.to_bytes(6) + digest[:9])


def referred_at(referral_id: str) -> int:
    """Read when the referral was made, in epoch milliseconds."""
    return int.from_bytes(base32.decode(referral_id[PARTNER_ID_LENGTH:])[:6])


def referral(referral_id: str) -> Key:
    return _key(f"REFERRAL#{referral_id[:PARTNER_ID_LENGTH]}", referral_id[PARTNER_ID_LENGTH:])


def is_referral_id(text: str) -> bool:
    """Return whether a referral could have this id.

    Its key is a slice of it, and neither part may be empty.
    """
    return len(text) == REFERRAL_ID_LENGTH


def referrals(partner_id: str) -> str:
    return f"REFERRAL#{partner_id}"


def referrals_from(at_ms: int) -> str:
    """Return where those referrals of a partner begin that were made at `at_ms` or later."""
    return base32.encode(max(0, at_ms).to_bytes(6) + bytes(9))


def lead(hashed: str) -> Key:
    return _key(f"GUARD#LEAD#{hashed}")


def lead_facts(hashed: str) -> Key:
    """The facts that a CRM has told of a lead."""
    return _key(f"GUARD#LEAD#{hashed}", "FACTS")


def binding(program_id: str, customer: str) -> Key:
    return _key(f"CUSTOMER#{program_id}#{customer}")


def customer_program(customer: str, program_id: str) -> Key:
    return _key(f"CUSTOMER#*#{customer}", f"PROGRAM#{program_id}")


def programs_of_customer(customer: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"CUSTOMER#*#{customer}", "PROGRAM#", "PROGRAM#~"


def of_customer(customer: str) -> str:
    """The partition of what is known of a customer over all programs."""
    return f"CUSTOMER#*#{customer}"


def nobodys_payment(customer: str, at_ms: int, payment: str) -> Key:
    """A payment that the customer made while nobody had referred them."""
    return _key(f"CUSTOMER#*#{customer}", f"UNREFERRED#{at_ms:013d}#{payment}")


def nobodys_payments(customer: str, from_ms: int, until_ms: int = NEVER) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of those made at `from_ms` or later and before `until_ms`."""
    return f"CUSTOMER#*#{customer}", f"UNREFERRED#{from_ms:013d}", f"UNREFERRED#{until_ms:013d}"


def paid_within(program_id: str, customer: str, from_ms: int, until_ms: int) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a customer's payments from `from_ms` to before `until_ms`."""
    return f"CUSTOMER#{program_id}#{customer}", f"PAID#{from_ms:013d}", f"PAID#{until_ms:013d}"


def paid_at(program_id: str, customer: str, at_ms: int, payment: str) -> Key:
    return _key(f"CUSTOMER#{program_id}#{customer}", f"PAID#{at_ms:013d}#{payment}")


def payment_in(paid_at: Key) -> tuple[int, str]:
    """Read when, and which, of a customer's payment: epoch milliseconds, and its id."""
    _, at_ms, payment = paid_at["sk"].split("#")
    return int(at_ms), payment


def sighting(program_id: str, customer: str, at_ms: int, payment: str) -> Key:
    """A payment of the customer's as a system told of it."""
    return _key(f"CUSTOMER#{program_id}#{customer}", f"SIGHTING#{at_ms:013d}#{payment}")


def sightings(program_id: str, customer: str, from_ms: int, until_ms: int) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of those from one moment until another, both included."""
    return f"CUSTOMER#{program_id}#{customer}", f"SIGHTING#{from_ms:013d}", f"SIGHTING#{until_ms:013d}~"


def referrals_of_program(program_id: str) -> str:
    return f"REFERRALS#{program_id}"


def referrals_in(program_id: str, status: str) -> str:
    """Referrals that are open, by when they expire."""
    return f"REFERRALS#{program_id}#{status}"


def to_be_rated() -> str:
    return "TO_BE_RATED"
