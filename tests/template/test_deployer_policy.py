"""What whoever deploys may do is made of what the template has, and of nothing else."""

from __future__ import annotations

import json

from scripts.deployer_policy import NEEDS, policy
from tests.template.deployed import ROOT, resources

INLINE_LIMIT = 10_240  # characters of a role's own policies, blanks not counted


def test_every_type_of_resource_has_its_rights() -> None:
    """Whoever adds one adds what its deployment needs; what is gone takes its rights along."""
    assert set(NEEDS) == {resource["Type"] for resource in resources().values()}


def test_the_file_is_what_is_made() -> None:
    """`python scripts/deployer_policy.py > docs/deployer-policy.json`."""
    text = (ROOT / "docs" / "deployer-policy.json").read_text(encoding="utf-8")
    assert json.loads(text) == policy()


def test_nothing_is_allowed_wholesale() -> None:
    """Actions are named; roles, tables, buckets and functions are those of the stack; it fits into a role."""
    statements = policy()["Statement"]
    assert not [action for each in statements for action in each["Action"] if "*" in action]
    for service in ("iam", "dynamodb", "sqs", "states", "cloudwatch"):
        found = [each["Resource"] for each in statements if each["Action"][0].startswith(f"{service}:")]
        assert found, service
        assert all("refledger*" in resource for resource in found), service
    assert len(json.dumps(policy(), separators=(",", ":")).replace(" ", "")) <= INLINE_LIMIT
