"""Finding partners by how a name, an e-mail address or a company begins: both sides are folded, then compared."""

from __future__ import annotations

import unicodedata

from refledger.domain.partners import Partner

LONGEST = 60  # characters of a text by which it is found


def fold(text: str) -> str:
    """Fold a text as it is compared.

    No capitals, no accents, blanks alike, and no characters that a key has of its own.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    kept = (c for c in plain if unicodedata.category(c) not in ("Mn", "Cc", "Cf", "Cs", "Co", "Cn"))
    words = "".join(" " if c == "#" else c for c in kept).split()
    return " ".join(words)[:LONGEST].rstrip()


def terms(partner: Partner) -> frozenset[str]:
    """Return by whose beginnings a partner is found: either name first, address, company."""
    first, last = partner.first_name, partner.last_name
    folded = map(fold, (f"{first} {last}", f"{last} {first}", partner.email, partner.company_name))
    return frozenset(folded) - {""}


def matches(partner: Partner, start: str) -> list[str]:
    """Return the partner's terms that begin with a folded text, sorted."""
    return sorted(term for term in terms(partner) if term.startswith(start))
