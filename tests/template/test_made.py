"""template.yaml is what scripts/template.py makes of template/ and of the code, and says nothing else."""

from __future__ import annotations

import pytest

from refledger.store import keys
from scripts import template
from tests.template.deployed import ROOT, function_id


def test_the_committed_template_is_made_from_its_sources() -> None:
    """Whoever changes a route or a file of template/ runs `make openapi`."""
    assert (ROOT / "template.yaml").read_text(encoding="utf-8") == template.template()


def test_every_function_of_the_code_is_deployed() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert set(template.read("functions")) == folders
    assert {f"{template.logical_id(name)}Function" for name in folders} == set(map(function_id, folders))


def test_partitions_have_names_and_every_name_is_used() -> None:
    """Each pattern has one name, is of a partition that store/keys/ tells of, and is allowed to somebody."""
    assert len(set(template.PARTITIONS.values())) == len(template.PARTITIONS)
    of_functions = [may for said in template.read("functions").values() for may in said.get("May", [])]
    assert {name for may in of_functions for name in may.get("of", [])} == set(template.PARTITIONS)
    told = keys.__doc__ or ""
    in_table = list(template.PARTITIONS.items())[: list(template.PARTITIONS).index("adjustments")]
    for name, pattern in in_table:
        assert f"\n{pattern.rstrip('*')}" in told or f", {pattern.rstrip('*')}" in told, name


def test_an_unknown_partition_is_refused() -> None:
    with pytest.raises(KeyError, match="everything"):
        template.statement({"do": "GetItem", "of": ["everything"]})


def test_a_statement_is_of_the_table_or_of_an_index() -> None:
    items, lists = (
        {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [each]}} for each in ("WITHDRAWAL#*", "WITHDRAWALS#*")
    )
    assert template.statement({"do": "Query", "index": "waiting", "of": ["withdrawals"]}) == {
        "Effect": "Allow", "Action": "dynamodb:Query", "Condition": lists,
        "Resource": template.sub("${TableArn.Value}/index/waiting"),
    }  # fmt: skip
    assert template.statement({"do": ["GetItem", "Query"], "of": ["withdrawal"]}) == {
        "Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"], "Condition": items,
        "Resource": template.attribute("TableArn.Value"),
    }  # fmt: skip
