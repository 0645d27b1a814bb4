"""One stack, one browser and one world for all tests of the pages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import new_stack
from tests.web.browser import ROOT, Visitor, World, chromium, people
from undocked.testing import Stack

STRIPE_NAME, STRIPE_SECRET = "refledger/stripe-payments", "whsec_of_the_tests_which_is_as_long_"


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("pages")
    own = folder / "own.json"
    own.write_text(json.dumps({STRIPE_NAME: {"webhookSecrets": STRIPE_SECRET}}))
    options = ["--people", str(ROOT / "scripts" / "people.json"), "--secrets", str(own)]
    given = {"PagesIssuer": "${API}/_local/issuer", "LinkBase": "${API}"}  # as `make run`
    given["StripePaymentsSecretArn"] = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{STRIPE_NAME}-Local0"
    with new_stack(folder / "data", options=options, given=given) as running:
        yield running


@pytest.fixture(scope="session")
def world(stack: Stack) -> World:
    return people(stack.api, stack.aws)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser: Browser, world: World) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors, and looks at the end of the test at what their browsers complained of."""
    made: list[Visitor] = []

    def new(**more: Any) -> Visitor:
        made.append(Visitor(browser, world.client.api, **more))
        return made[-1]

    yield new
    for each in made:
        each.close()
