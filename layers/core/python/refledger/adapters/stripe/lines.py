"""The lines of an invoice: which products were sold, and what of the invoice's base belongs to each.

A line's `amount` is before discounts, and holds the tax where that is inclusive. Its product is named
* from 2025-03-31.basil on in `pricing.price_details.product`,
* before in `price.product`, and in versions before prices in `plan.product`.

An event holds the first lines only (`has_more`); what is not seen belongs to no product.

Sources (Stripe documentation, read in November 2026):
https://docs.stripe.com/api/invoice-line-item/object
https://docs.stripe.com/changelog/basil/2025-03-31/adds-new-parent-field-to-invoicing-objects
"""

from __future__ import annotations

from collections import defaultdict

from refledger.adapters.stripe.nodes import Node
from refledger.domain.amounts import spread

NO_PRODUCT = ""
MAX_LINES = 50


def of_products(invoice: Node, base: int, net: int) -> tuple[tuple[str, int], ...]:
    """Divide `base` among the products of an invoice's lines.

    Returns (product, part of `base`), sorted, parts above zero; () where no line names a product. `base`: ISO 4217
    minor units. `net`: what the lines come to together, in Stripe's units: so what is missing from them is known.
    """
    weights: dict[str, int] = defaultdict(int)
    lines, more = _lines(invoice)
    for line in lines:
        weights[_product(line)] += net_of(line)
    if more:
        weights[NO_PRODUCT] += max(0, net - sum(weights.values()))
    above = {product: weight for product, weight in sorted(weights.items()) if weight > 0}
    if not any(above):
        return ()
    parts = spread(base, list(above.values()))
    return tuple((product, part) for product, part in zip(above, parts, strict=True) if part)


def sold(invoice: Node) -> tuple[int, int]:
    """Sum up what was sold by the lines, with and without tax, credits left out.

    Stripe's units; (1, 1) where they say of no tax.
    """
    found, _ = _lines(invoice)
    positive = [line for line in found if net_of(line) > 0]
    net = sum(net_of(line) for line in positive)
    tax = sum(sum(_taxes(line)) for line in positive)
    return (net + tax, net) if net and tax > 0 else (1, 1)


def shipping(sale: Node, told: int) -> int:
    """Return what of an invoice or a session was paid for shipping, without its tax.

    Stripe's units, 0 or more. `told`: its `amount_shipping`, for where it does not tell the tax of it.
    """
    cost = sale.optional("shipping_cost")
    return max(0, cost.integer("amount_total") - cost.integer("amount_tax") if cost else told)


def integer_or_nothing(node: Node, name: str) -> int:
    """Read a whole number; 0 where it is null or missing."""
    return node.integer(name) if node.fields.get(name) is not None else 0


def net_of(line: Node) -> int:
    """Return what a line comes to after its discounts and without its tax; below zero for a credit.

    Stripe's units.
    """
    discounts = line.objects("discount_amounts") if line.fields.get("discount_amounts") is not None else []
    _, inclusive = _taxes(line)
    return line.integer("amount") - sum(each.integer("amount") for each in discounts) - inclusive


def _lines(invoice: Node) -> tuple[list[Node], bool]:
    listed = invoice.optional("lines")
    if listed is None or listed.fields.get("data") is None:
        return [], False
    lines = listed.objects("data")
    return lines[:MAX_LINES], listed.fields.get("has_more") is True or len(lines) > MAX_LINES


def _taxes(line: Node) -> tuple[int, int]:
    """(exclusive, inclusive) tax of a line."""
    exclusive = inclusive = 0
    for name in ("taxes", "tax_amounts"):  # from basil on; before
        if line.fields.get(name) is not None:
            for tax in line.objects(name):
                rate = tax.optional("tax_rate") if not isinstance(tax.fields.get("tax_rate"), str) else None
                behaviours = (tax.fields.get("tax_behavior") == "inclusive", tax.fields.get("inclusive") is True)
                inside = any(behaviours) or (rate is not None and rate.fields.get("inclusive") is True)
                inclusive += tax.integer("amount") if inside else 0
                exclusive += 0 if inside else tax.integer("amount")
            break
    return exclusive, inclusive


def _product(line: Node) -> str:
    pricing = line.optional("pricing")
    details = pricing.optional("price_details") if pricing else None
    for node in (details, line.optional("price"), line.optional("plan")):
        product = node.reference("product") if node else None
        if product:
            return product
    return NO_PRODUCT
