"""Keys of partners: what is theirs, what is one of its kind, how they are found, and how they come."""

from __future__ import annotations

from refledger.store.keys.form import Key, _key, is_root, kind_of


def partner(partner_id: str) -> Key:
    return _key(f"PARTNER#{partner_id}")


def is_partner(key: Key) -> bool:
    return kind_of(key) == "PARTNER" and is_root(key)


def balance(partner_id: str, currency: str) -> Key:
    return _key(f"PARTNER#{partner_id}", f"BALANCE#{currency}")


def balances(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a partner's balances."""
    return f"PARTNER#{partner_id}", "BALANCE#", "BALANCE#~"


def is_balance(key: Key) -> bool:
    """Return whether what lies under a partner is a balance."""
    return kind_of(key) == "PARTNER" and key["sk"].startswith("BALANCE#")


def currency_of_balance(key: Key) -> str:
    return key["sk"].removeprefix("BALANCE#")


def due_cursor(partner_id: str, currency: str) -> Key:
    return _key(f"PARTNER#{partner_id}", f"DUE#{currency}")


def overdue_mark(partner_id: str) -> Key:
    """Up to where the daily look has found none of their rewards to wait, of whatever currency."""
    return _key(f"PARTNER#{partner_id}", "OVERDUE")


def capped_month(partner_id: str, currency: str, month: str, program_id: str) -> Key:
    return _key(f"PARTNER#{partner_id}", f"CAP#{currency}#{month}#{program_id}")


def capped_months(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a partner's months under a cap."""
    return f"PARTNER#{partner_id}", "CAP#", "CAP#~"


def is_capped_month(key: Key) -> bool:
    """Return whether what lies under a partner is a month of rewards under a cap."""
    return key["sk"].startswith("CAP#")


def capped_month_in(key: Key) -> tuple[str, str, str]:
    """Currency, month and program in the key of a month under a cap."""
    _, currency, month, program_id = key["sk"].split("#")
    return currency, month, program_id


def method(partner_id: str, method_id: str, version: int) -> Key:
    return _key(f"PARTNER#{partner_id}", f"METHOD#{method_id}#{version:03d}")


def method_count(partner_id: str) -> Key:
    return _key(f"PARTNER#{partner_id}", "METHODS")


def methods(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of a partner's payout methods."""
    return f"PARTNER#{partner_id}", "METHOD#", "METHOD#~"


def versions_of_method(partner_id: str, method_id: str) -> tuple[str, str, str]:
    return f"PARTNER#{partner_id}", f"METHOD#{method_id}#", f"METHOD#{method_id}#~"


def method_in(key: Key) -> tuple[str, int]:
    """Id and version in the key of a payout method."""
    _, method_id, version = key["sk"].split("#")
    return method_id, int(version)


def partner_code(partner_id: str, code: str) -> Key:
    """A code of theirs that is not, or no longer, their main one."""
    return _key(f"PARTNER#{partner_id}", f"CODE#{code}")


def partner_codes(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"PARTNER#{partner_id}", "CODE#", "CODE#~"


def note(partner_id: str, at_ms: int, id: str) -> Key:
    """A note that staff wrote about a partner."""
    return _key(f"PARTNER#{partner_id}", f"NOTE#{at_ms}#{id}")


def notes(partner_id: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key."""
    return f"PARTNER#{partner_id}", "NOTE#", "NOTE#~"


def code(code: str) -> Key:
    return _key(f"GUARD#CODE#{code}")


def look(folded: str) -> Key:
    """The guard of what a code looks like to somebody who reads it: no other code may look so."""
    return _key(f"GUARD#LOOKALIKE#{folded}")


def email(hashed: str) -> Key:
    return _key(f"GUARD#EMAIL#{hashed}")


def external(hashed: str) -> Key:
    """The guard of what the owner calls a partner or a referral."""
    return _key(f"GUARD#EXTERNAL#{hashed}")


def user(hashed: str) -> Key:
    return _key(f"GUARD#USER#{hashed}")


def applicant(hashed: str) -> Key:
    return _key(f"GUARD#APPLICANT#{hashed}")


def alike(kind: str, hashed: str, partner_id: str) -> Key:
    """That a partner has something which other partners may have too."""
    return _key(f"GUARD#TRAIT#{kind}#{hashed}", partner_id)


def all_alike(kind: str, hashed: str) -> str:
    return f"GUARD#TRAIT#{kind}#{hashed}"


def application(application_id: str) -> Key:
    return _key(f"APPLICATION#{application_id}")


def invitation(invitation_id: str) -> Key:
    return _key(f"INVITATION#{invitation_id}")


def search_row(program_id: str, folded: str, partner_id: str) -> Key:
    return _key(f"SEARCH#{program_id}", f"{folded}#{partner_id}")


def search_rows(program_id: str, start: str) -> tuple[str, str, str]:
    """Partition, lowest and highest sort key of what begins with `start`: sort keys go by their UTF-8."""
    return f"SEARCH#{program_id}", start, start + "\U0010ffff"


def found_in(search_row: Key) -> tuple[str, str]:
    """The folded text and the partner of a search row."""
    folded, _, partner_id = search_row["sk"].rpartition("#")
    return folded, partner_id


def all_partners() -> str:
    return "PARTNERS"


def partners_of(status: str) -> str:
    return f"PARTNERS#{status}"


def all_invitations() -> str:
    return "INVITATIONS"


def invitations_of(status: str) -> str:
    """By when they run out."""
    return f"INVITATIONS#{status}"


def all_applications() -> str:
    return "APPLICATIONS"


def applications_of(status: str) -> str:
    return f"APPLICATIONS#{status}"
