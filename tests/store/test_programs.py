"""Programs with their versions, rules, and what is frozen of them with customers and partners, as items."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refledger.domain import base32
from refledger.domain.errors import ProgramNotFound
from refledger.domain.partners import Partner, PartnerStatus
from refledger.domain.programs import CurrencyTerms, Program, Weights
from refledger.domain.rules import Pay, Rule, RuleSet
from refledger.domain.uplines import Binding, Link
from refledger.store import bindings, keys, partners, programs
from refledger.store.attributes import pack, unpack
from refledger.store.table import Table
from refledger.store.transaction import ConditionFailed, Write
from tests.support.programs import a_program, a_rule

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
IDS = st.binary(min_size=10, max_size=10).map(base32.encode)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MOMENTS = st.integers(1, 2**42)
MONEY = st.integers(0, 10**15)
CODES = st.sampled_from(["EUR", "JPY", "KWD"])
PAYS = st.integers(0, 500).map(Pay) | st.dictionaries(CODES, st.integers(1, 10**15), min_size=1).map(Pay.amounts)
TIERS = st.lists(PAYS, min_size=1, max_size=10).map(tuple)
RULES = st.builds(
    Rule, TIERS, st.just(()) | TIERS, months=st.none() | st.integers(1, 120), payments=st.none() | st.integers(1, 1000)
)
PRODUCTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)


def sorted_pairs(pairs: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted(pairs.items(), key=lambda pair: pair[0]))


OWNS = st.dictionaries(PRODUCTS | st.just(""), PAYS, max_size=3).map(sorted_pairs)
LIMITS = MONEY | st.none()
PROGRAMS = st.builds(
    Program, id=st.just("default"), name=TEXT, currency=CODES,
    rules=st.builds(
        RuleSet, RULES, st.dictionaries(PRODUCTS, RULES, max_size=3).map(sorted_pairs),
        st.dictionaries(CODES, st.integers(1, 10**15)).map(sorted_pairs),
    ),
    currencies=st.fixed_dictionaries({
        code: st.builds(CurrencyTerms, MONEY, LIMITS, LIMITS, LIMITS, LIMITS) for code in ("EUR", "JPY", "KWD")
    }).map(sorted_pairs),
    hold_days=st.integers(0, 3650), approval_timeout_seconds=st.integers(1, 86_400), reviews_rewards=st.booleans(),
    version=st.integers(1, 9), created_at_ms=MOMENTS, changed_at_ms=MOMENTS, changed_by=TEXT,
    maker_window_days=st.integers(0, 365),
)  # fmt: skip
LINKS = st.builds(Link, IDS, IDS | st.just(""), OWNS)
BINDINGS = st.builds(
    Binding, program_id=st.just("default"), customer=IDS,
    referral_id=st.builds(keys.referral_id, IDS, MOMENTS, st.binary(min_size=9)),
    upline=st.lists(LINKS, min_size=1, max_size=10).map(tuple),
    depth=st.integers(1, 10), rule_version=st.integers(1, 9), bound_at_ms=MOMENTS,
    count=st.integers(0, 1000), first_at_ms=MOMENTS, until_ms=st.integers(0, 2**42),
)  # fmt: skip


def through_the_wire(write: Write) -> dict[str, Any]:
    """An item as DynamoDB gives it back."""
    return unpack(pack(write.target))


@calm
@given(PROGRAMS)
def test_programs(program: Program) -> None:
    """Every field of the current item and of the version beside it; a limit that is none stays none, not zero."""
    for write in programs.create(program):
        assert programs.from_item(through_the_wire(write)) == program


def test_a_program_from_before_has_the_window_and_no_weights() -> None:
    """What was written without them is still read; weights are read back as they were written."""
    item = through_the_wire(programs.create(a_program())[0])
    del item["makers"]
    assert programs.from_item(item) == a_program()
    weighed = a_program(currencies=["EUR"], exposure=Weights("USD", (("EUR", 1_080),)))
    assert programs.from_item(through_the_wire(programs.create(weighed)[0])) == weighed


@calm
@given(BINDINGS)
def test_bindings(binding: Binding) -> None:
    """Every field that it is made with."""
    assert bindings.from_item(through_the_wire(bindings.bind(binding))) == binding


# ---------------------------------------------------------------- versions of programs


def test_a_version_is_written_once_and_stays(table: Table, fresh: Callable[[], str]) -> None:
    """The next version of what was read; whoever read the one before is refused by name, and writes neither item."""
    first = a_program(fresh(), name="one")
    table.commit(*programs.create(first))
    second, late = replace(first, name="two", version=2), replace(first, name="late", version=2)
    table.commit(*programs.change(first, second))
    with pytest.raises(ConditionFailed) as failed:
        table.commit(*programs.change(first, late))
    assert set(failed.value.items) == {programs.IS_CURRENT, programs.VERSION_IS_NEW}
    assert programs.find(table, first.id) == second
    assert [programs.version(table, first.id, number) for number in (1, 2)] == [first, second]
    with pytest.raises(ProgramNotFound):
        programs.version(table, first.id, 3)


def test_versions_page_newest_first(table: Table, fresh: Callable[[], str]) -> None:
    """In the order of their numbers, not of their texts; each position leads to what is older."""
    made = [a_program(fresh())]
    table.commit(*programs.create(made[0]))
    for number in range(2, 13):
        made.append(replace(made[0], version=number))
        table.commit(*programs.change(*made[-2:]))
    whole = list(programs.versions(table, made[0].id, "", 5))
    assert [program for _, program in whole] == made[::-1]
    for number, (position, _) in enumerate(whole):
        assert list(programs.versions(table, made[0].id, position, 5)) == whole[number + 1 :]


def test_the_count_of_a_binding_moves_one_by_one(table: Table, fresh: Callable[[], str]) -> None:
    """Two payments that read the same count: the second is refused by name."""
    bound = Binding(fresh(), "c" * 16, keys.referral_id("p" * 16, 5, bytes(9)), (Link("p" * 16, ""),), 2, 1, 5)
    table.commit(bindings.bind(bound))
    rules = RuleSet(a_rule(1000, first=(5000,)))
    table.commit(bindings.count(bound, bound.counted(7, "a", rules)))
    with pytest.raises(ConditionFailed) as failed:
        table.commit(bindings.count(bound, bound.counted(8, "b", rules)))
    assert set(failed.value.items) == {bindings.COUNT_IS_CURRENT}
    assert bindings.find(table, bound.program_id, bound.customer) == bound.counted(7, "a", rules)


def test_a_binding_says_what_is_to_be_rated_again(table: Table, fresh: Callable[[], str]) -> None:
    """Two who come late at once do not meet unseen, and nothing is done as long as one came meanwhile."""
    program_id, rules = fresh(), RuleSet(a_rule(1000, first=(5000,)))
    bound = Binding(program_id, "c" * 16, keys.referral_id("p" * 16, 5, bytes(9)), (Link("p" * 16, ""),), 2, 1, 5)
    table.commit(bindings.bind(bound))
    first = bound.counted(7, "a", rules)
    table.commit(bindings.count(bound, first))
    late = first.counted(6, "b", rules)
    table.commit(bindings.count(first, late))
    with pytest.raises(ConditionFailed):
        table.commit(bindings.count(first, first.counted(5, "c", rules)))
    assert bindings.find(table, program_id, bound.customer) == late
    assert (program_id, bound.customer) in bindings.to_be_rated(table, 10)
    with pytest.raises(ConditionFailed):
        table.commit(bindings.rated(first, None))
    table.commit(bindings.rated(late, None))
    assert bindings.find(table, program_id, bound.customer) == replace(late, again=None)
    assert (program_id, bound.customer) not in bindings.to_be_rated(table, 10)


def test_own_pays_refuse_to_overwrite_another_change(table: Table, fresh: Callable[[], str]) -> None:
    """A partner who was suspended in between: the pays are not written."""
    old = Partner(fresh(), "default", fresh(), PartnerStatus.ACTIVE, "", 5)
    table.commit(*partners.create(old, ""))
    new = replace(old, own_rates=(("", Pay(5)),), version=2)
    table.commit(partners.set_rates(old, new, "deal", "ann", 7))
    with pytest.raises(ConditionFailed) as failed:
        table.commit(partners.set_rates(old, replace(new, own_rates=()), "late", "eve", 8))
    assert set(failed.value.items) == {partners.IS_UNCHANGED}
    assert partners.find(table, old.id) == new
