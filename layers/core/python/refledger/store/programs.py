"""Programs as items: the current version, and beside it every version there ever was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from refledger.domain.errors import DataIsNewer, ProgramNotFound
from refledger.domain.links import Links
from refledger.domain.partners import Idle
from refledger.domain.portals import Portal
from refledger.domain.programs import (
    BIND_WITHIN_HOURS,
    COOLING_HOURS,
    DATA_FORMAT,
    MAKER_WINDOW_DAYS,
    CurrencyTerms,
    Program,
    ProgramStatus,
    Weights,
)
from refledger.store import keys, rules
from refledger.store.table import Table
from refledger.store.transaction import Item, Write, check, put, update

IS_NEW = "the program is new"
IS_THERE = "the program is there"
IS_OLDER = "nobody said since when the program is counted"
IS_CURRENT = "the program has the version that was read"
VERSION_IS_NEW = "the program's version is new"
_TERMS = {
    "minimum": "payout_minimum", "auto": "auto_approve_limit", "second": "second_approval_limit",
    "adjustment": "adjustment_limit", "conversion": "conversion_limit",
    "sales": "sales_limit",
}  # fmt: skip


def create(program: Program) -> list[Write]:
    """Write the program, and its first version."""
    return [put(IS_NEW, _to_item(program)), _version(program)]


def change(old: Program, new: Program) -> list[Write]:
    """Write the next version, unless somebody made one in between."""
    new = replace(new, data_format=old.data_format, counted_since_ms=old.counted_since_ms)
    return [put(IS_CURRENT, _to_item(new), "#version = :was", was=old.version), _version(new)]


def is_counted(program_id: str) -> Write:
    """Note that all of its figures are made by the rules of this code, from its beginning."""
    return update(IS_THERE, keys.program(program_id), "SET #format = :now", "attribute_exists(pk)", now=DATA_FORMAT)


def counted_since(program_id: str, at_ms: int) -> Write:
    """Write that what happens from now on is counted by this code, and what was before is not yet."""
    is_older = "attribute_exists(pk) AND attribute_not_exists(#since)"
    return update(IS_OLDER, keys.program(program_id), "SET #since = :since", is_older, since=at_ms)


def find(table: Table, program_id: str) -> Program:
    """Find it by its id.

    Raises ProgramNotFound.
    """
    item = table.get(keys.program(program_id))
    if item is None:
        raise ProgramNotFound(f"there is no program {program_id}")
    return from_item(item)


def version(table: Table, program_id: str, number: int) -> Program:
    """Return a program as it was in one of its versions. Raises ProgramNotFound."""
    item = table.get(keys.program_version(program_id, number))
    if item is None:
        raise ProgramNotFound(f"there is no version {number} of a program {program_id}")
    return from_item(item)


def after(table: Table, after: str) -> Iterator[tuple[str, Program]]:
    """Yield (position, program) of the programs whose id sorts after `after`, in the order of their ids."""
    for item in table.query(keys.programs(), after or keys.LOWEST, page_size=100, strong=False):
        if item["sk"] != after:
            yield item["sk"], from_item(item)


def versions(table: Table, program_id: str, before: str, page_size: int) -> Iterator[tuple[str, Program]]:
    """Yield (position, program) of a program's versions, newest first, from below the position `before`."""
    partition, low, high = keys.program_versions(program_id)
    for item in table.query(partition, low, before or high, page_size=page_size, newest_first=True):
        if item["sk"] != before:
            yield item["sk"], from_item(item)


def _version(program: Program) -> Write:
    return put(VERSION_IS_NEW, {**_to_item(program), **keys.program_version(program.id, program.version)})


def _to_item(program: Program) -> Item:
    return {
        **keys.program(program.id), "id": program.id, "name": program.name, "currency": program.currency,
        "currencies": {currency: _terms(terms) for currency, terms in program.currencies},
        "rules": rules.to_item(program.rules), "hold_days": program.hold_days,
        "approval_timeout_seconds": program.approval_timeout_seconds, "reviews": program.reviews_rewards,
        "status": program.status.value, "version": program.version, "created": program.created_at_ms,
        "changed": program.changed_at_ms, "by": program.changed_by, "cooling": program.cooling_hours,
        "new_customers": program.new_customers_only, "bind_within": program.bind_within_hours,
        "shipping": program.commission_on_shipping,
        **({"links": _links(program.links)} if program.links else {}),
        **({"portal": _portal(program.portal)} if program.portal else {}),
        **({"attribution": program.attribution_days} if program.attribution_days else {}),
        **({"idle": [[idle.since_ms, idle.until_ms] for idle in program.idle]} if program.idle else {}),
        **({"reason": program.reason} if program.reason else {}),
        "makers": program.maker_window_days, "format": program.data_format,
        **({"since": program.counted_since_ms} if program.counted_since_ms else {}),
        **({"exposure": weights_to_item(program.exposure)} if program.exposure else {}),
    }  # fmt: skip


def still_as_read(program: Program) -> Write:
    return check(IS_CURRENT, keys.program(program.id), "#version = :was", was=program.version)


def _terms(terms: CurrencyTerms) -> Item:
    named = {short: getattr(terms, name) for short, name in _TERMS.items()}
    return {name: amount for name, amount in named.items() if amount is not None}


def weights_to_item(weights: Weights) -> Item:
    return {"currency": weights.currency, "rates": dict(weights.rates)}


def _links(links: Links) -> Item:
    return {
        "url": links.default_url, "domains": list(links.domains), "parameter": links.parameter,
        "days": links.cookie_days, "cookie": links.cookie_domain, "campaigns": list(links.campaigns),
    }  # fmt: skip


def _links_from(item: Item) -> Links:
    return Links(
        default_url=item["url"],
        domains=tuple(item["domains"]),
        parameter=item["parameter"],
        cookie_days=item["days"],
        cookie_domain=item["cookie"],
        campaigns=tuple(item["campaigns"]),
    )


def _portal(portal: Portal) -> Item:
    return {
        "origins": list(portal.allowed_origins), "name": portal.name, "logo": portal.logo_url, "accent": portal.accent,
        "terms": portal.terms_url, "help": portal.help_url,
    }  # fmt: skip


def _portal_from(item: Item) -> Portal:
    return Portal(
        allowed_origins=tuple(item["origins"]),
        name=item["name"],
        logo_url=item["logo"],
        accent=item["accent"],
        terms_url=item["terms"],
        help_url=item["help"],
    )


def weights_from(item: Item) -> Weights:
    return Weights(item["currency"], tuple(sorted(item["rates"].items())))


def from_item(item: Item) -> Program:
    """Read the current item or that of a version.

    Raises DataIsNewer for what only newer code knows.
    """
    if item.get("format", 0) > DATA_FORMAT:
        raise DataIsNewer("the data are those of a newer release: this one does not touch them")
    return Program(
        id=item["id"],
        name=item["name"],
        currency=item["currency"],
        rules=rules.from_item(item["rules"]),
        hold_days=item["hold_days"],
        currencies=tuple(
            (currency, CurrencyTerms(**{_TERMS[name]: amount for name, amount in terms.items()}))
            for currency, terms in sorted(item["currencies"].items())
        ),
        approval_timeout_seconds=item["approval_timeout_seconds"],
        reviews_rewards=item["reviews"],
        attribution_days=item.get("attribution"),
        cooling_hours=item.get("cooling", COOLING_HOURS),
        bind_within_hours=item.get("bind_within", BIND_WITHIN_HOURS),
        new_customers_only=item.get("new_customers", True),
        commission_on_shipping=item.get("shipping", True),
        links=_links_from(item["links"]) if "links" in item else None,
        portal=_portal_from(item["portal"]) if "portal" in item else None,
        maker_window_days=item.get("makers", MAKER_WINDOW_DAYS),
        exposure=weights_from(item["exposure"]) if "exposure" in item else None,
        status=ProgramStatus(item["status"]),
        idle=tuple(Idle(since_ms, until_ms) for since_ms, until_ms in item.get("idle", ())),
        reason=item.get("reason", ""),
        version=item["version"],
        created_at_ms=item["created"],
        changed_at_ms=item["changed"],
        changed_by=item["by"],
        data_format=item.get("format", 0),
        counted_since_ms=item.get("since", 0),
    )
