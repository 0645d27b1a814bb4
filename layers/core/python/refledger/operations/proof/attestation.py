"""The table, held against a manifest that was signed.

The chain of hashes shows any change of one entry to whoever has a later one. Somebody who may write to the table can
compute the chain anew from there on, and the balance with it; but not the heads in a manifest that was signed before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from refledger.adapters.archive import ManifestSource, Missing
from refledger.adapters.signing import Checker
from refledger.domain.manifest import INDEX, SIGNATURE, Damaged, ManifestRow, read_index, read_part, sha256
from refledger.operations.context import Context
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.operations.proof.partner_checks import verify_partner
from refledger.store import attested


def rows_of(source: ManifestSource, checker: Checker, day: str | None) -> Iterator[ManifestRow]:
    """Yield every row of a manifest, a part at a time.

    Raises Damaged; Missing where there is no manifest at all.

    `day`: which one it must be, None for any. Nothing is believed before the signature and the hash above it are right.
    """
    text = source.read(INDEX)
    if not checker.is_signed(text, source.read(SIGNATURE)):
        raise Damaged("the signature is not that of the index by the manifest key")
    index = read_index(text)
    if day is not None and index.day != day:
        raise Damaged(f"the index is that of {index.day}")
    for expected in index.parts:
        try:
            part = source.read(expected.name)
        except Missing as error:
            raise Damaged(f"{expected.name} is not there") from error
        if sha256(part) != expected.sha256:
            raise Damaged(f"{expected.name} is not the one that was signed")
        yield from read_part(part).rows


def check(context: Context, rows: Iterable[ManifestRow], checked: Checked) -> Iterator[Fault]:
    """Yield every balance whose journal is not the one that the manifest saw.

    That the entries up to the one that is looked at are right follows from the chain, which `verify` looks at for every
    partner in the list: a partner who was taken off it is verified here.
    """
    left = iter(rows)
    hidden = ""
    while batch := list(islice(left, attested.ROWS_LIMIT)):
        for row, found in zip(batch, attested.look_up(context.table, batch), strict=True):
            reasons = list(_differences(row, found))
            if not found.is_listed and row.partner_id != hidden:
                hidden = row.partner_id
                reasons.append("the partner is not in the list of partners, and was when the manifest was written")
                yield from verify_partner(context, row.partner_id, checked)
            yield from (Fault(row.partner_id, row.currency, reason) for reason in reasons)


def _differences(row: ManifestRow, found: attested.AttestedRow) -> Iterator[str]:
    if found.hash is None:
        yield f"entry {row.version}: is not there, and was when the manifest was written"
    elif found.hash != row.head:
        yield f"entry {row.version}: has another hash than in the manifest: it or an entry before it was rewritten"
    if found.version is None or found.version < row.version:
        yield f"balance: is at version {found.version or 0}, the manifest saw it at {row.version}"
