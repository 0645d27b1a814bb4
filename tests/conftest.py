"""What all tests share."""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from refledger.store import keys
from refledger.store.shards import Shards
from tests.support import dynamodb, seeds
from tests.support.books import Books

# Properties are judged by what they find, not by how busy the machine is
settings.register_profile(
    "calm", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not seeds.ARE_NEW
)
settings.load_profile("calm")

# by folder: the fixtures of its stacks that live for the whole run
SHARED_STACKS = {"web": {"stack"}, "e2e": {"stack"}, "undocked_tests": {"shop", "restarted"}}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that share a running stack stay with one worker, so that there is one; others go file by file."""
    for item in items:
        folder = item.path.parent
        shared = SHARED_STACKS.get(folder.name, set()) & set(getattr(item, "fixturenames", ()))
        shared -= vars(getattr(item, "module", item)).keys()  # a file may have one of its own under that name
        item.add_marker(pytest.mark.xdist_group("+".join([str(folder), *sorted(shared)]) if shared else str(item.path)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests that say `dynamodb_local` have their tables there."""
    if metafunc.definition.get_closest_marker("dynamodb_local") and "dynamodb_endpoint" in metafunc.fixturenames:
        metafunc.parametrize("dynamodb_endpoint", ["local"], indirect=True, scope="session", ids=["dynamodb_local"])


def pytest_collection_finish() -> None:
    """Thousands of tests were collected and stay: garbage is not looked for among them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def rewards_in_shards() -> Iterator[None]:
    """With SPREAD=4 every partner is a busy one: each reward is made with some spread up to that. All tests of
    operations hold.
    """
    with pytest.MonkeyPatch.context() as patched:
        if most := int(os.environ.get("SPREAD", "0")):
            patched.setattr(Shards, "spread", lambda *_: random.randint(0, most))
            patched.setattr(Shards, "partitions", lambda _, partner_id: keys.rewards(partner_id, most))
        yield


@pytest.fixture(scope="session")
def dynamodb_local() -> Iterator[str]:
    """DynamoDB Local, for the whole run, once somebody needs it."""
    with dynamodb.running() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def dynamodb_endpoint(request: pytest.FixtureRequest) -> str:
    """Where tables are made: in memory, or on DynamoDB Local with TABLE=local and where a test needs that."""
    if dynamodb.EVERYWHERE or getattr(request, "param", "memory") == "local":
        return str(request.getfixturevalue("dynamodb_local"))
    return dynamodb.MEMORY


@pytest.fixture
def books(request: pytest.FixtureRequest, dynamodb_endpoint: str) -> Books:
    """A table of the project's own shape, and a clock that stands still; empty, or the world that the test lives in."""
    made = Books(dynamodb.new_database(dynamodb_endpoint))
    if world := request.node.get_closest_marker("world"):
        (make,) = world.args
        make(made, **world.kwargs)
    return made
