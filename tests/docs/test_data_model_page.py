"""docs/data-model.md has every key, and who uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import data_model_page
from tests.template.deployed import ROOT, declared

PAGE = (Path(__file__).parents[2] / "docs" / "data-model.md").read_text(encoding="utf-8")
CODE = data_model_page.read()
TABLE = declared()["Resources"]["Table"]["Properties"]


def test_the_page_is_made_from_the_code() -> None:
    """`make openapi` makes it; it lies in the repository to be read."""
    assert data_model_page.page() == PAGE


@pytest.mark.parametrize("name", data_model_page.functions())
def test_every_function_of_keys_is_told_with_who_uses_it(name: str) -> None:
    """What nobody uses is no access pattern, and goes."""
    (row,) = re.findall(rf"^\| `{name}` \|.*$", PAGE, re.MULTILINE)
    assert [use for use in CODE.uses if use.key == name], row


def test_every_key_is_of_a_kind_that_the_head_tells() -> None:
    """The head of store/keys/ has a line for each partition that a function of it makes."""
    told = {re.split("[# ]", part.strip())[0] for key, _ in data_model_page.kinds() for part in key.split(",")}
    made = {
        shape.split("`")[1].split("#")[0]
        for name in data_model_page.functions()
        if (shape := data_model_page.form(name)) and not data_model_page.is_index(CODE, name)
    }
    assert made - told == {"<dimension>"}, "a roll-up's or the clicks' own partition, which another function makes"


def test_what_the_page_says_of_the_table_is_in_the_template() -> None:
    """Indexes with their keys and what they carry, the stream, the time to live, and who reads the stream."""
    keys = {
        each["IndexName"]: [key["AttributeName"] for key in each["KeySchema"]]
        for each in TABLE["GlobalSecondaryIndexes"]
    }
    assert keys == {"listed": ["listed_in", "listed_at"], "waiting": ["waits_in", "waits_at"]}
    for name, (first, second) in keys.items():
        assert f"| index `{name}` | `{first}`, `{second}` |" in PAGE
    assert {tuple(each["Projection"]["NonKeyAttributes"]) for each in TABLE["GlobalSecondaryIndexes"]} == {("rewards",)}
    assert TABLE["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert TABLE["TimeToLiveSpecification"]["AttributeName"] == "ttl"
    readers = {
        resource["Properties"]["CodeUri"].strip("/")
        for resource in declared()["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    }
    assert readers == set(re.findall(r"`(functions/\w+)` (?:counts|does)", PAGE))
    assert all((ROOT / reader).is_dir() for reader in readers)
