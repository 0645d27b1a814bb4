"""The project's own lint rules: each finds what it is for, and leaves alone what only looks like it."""

from __future__ import annotations

import ast

import pytest

from scripts import house_rules

PACKAGE = "layers/core/python/refledger/"
OPERATION = PACKAGE + "operations/notices.py"
STORE, DOMAIN, HANDLER = (
    PACKAGE + "store/rewards.py",
    PACKAGE + "domain/rewards.py",
    "functions/ledger/app.py",
)


def broken(path: str, source: str) -> set[str]:
    """The names of the rules that a file with this source breaks."""
    return {line.split(": ")[1] for line in house_rules.violations(path, source)}


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        ("no-scan", HANDLER, "table.scan()"),
        ("no-scan", STORE, "client.get_paginator('scan')"),
        ("no-scan", STORE, "call('Scan')"),
        ("clients-in-one-place", HANDLER, "import boto3\nboto3.client('sqs')"),
        ("clients-in-one-place", HANDLER, "import boto3 as sdk\nsdk.resource('dynamodb')"),
        ("clients-in-one-place", STORE, "from boto3 import client"),
        ("clients-in-one-place", STORE, "def late():\n    from boto3.session import Session"),
        ("clients-in-one-place", STORE, "import botocore.session"),
        ("keys-in-one-place", STORE, "key = 'PARTNER#' + partner"),
        ("keys-in-one-place", STORE, "key = f'PARTNER#{partner}'"),
        ("keys-in-one-place", STORE, "key = f'{partner}#{currency}'"),
        ("keys-in-one-place", PACKAGE + "operations/journal_pages.py", "key.split('#')"),
        ("keys-in-one-place", HANDLER, "begins_with = 'BALANCE#'"),
        ("no-float", DOMAIN, "rate = 0.2"),
        ("no-float", STORE, "amount = float(text)"),
        ("no-float", PACKAGE + "operations/earning/payments.py", "limit = 1e6"),
        ("no-true-division", DOMAIN, "share = amount / 2"),
        ("no-true-division", STORE, "amount /= parts"),
        ("duties-in-one-place", DOMAIN, "raise Forbidden('not yours')"),
        ("duties-in-one-place", PACKAGE + "operations/adjustments.py", "raise errors.OwnWithdrawal('theirs')"),
        ("times-with-zone", "tests/domain/test_times.py", "datetime.now()"),
        ("times-with-zone", HANDLER, "datetime.datetime.utcnow()"),
        ("times-with-zone", DOMAIN, "datetime.fromtimestamp(seconds)"),
        ("times-with-zone", DOMAIN, "date.today()"),
        ("environment-not-at-import", HANDLER, "import os\nTABLE = os.environ['TABLE_NAME']"),
        ("environment-not-at-import", HANDLER, "import os\ndef f(table=os.getenv('TABLE_NAME')): ..."),
        ("environment-not-at-import", STORE, "import os\nclass Settings:\n    table = os.environ.get('T')"),
        ("environment-not-at-import", "local/undocked/aws.py", "from os import environ as e\nif e: ..."),
        ("local-stack-apart", "local/undocked/aws.py", "from refledger.domain import errors"),
        ("local-stack-apart", "local/undocked_tests/conftest.py", "def late():\n    import tests.support.books"),
        ("local-stack-apart", HANDLER, "from undocked.testing import Stack"),
        ("matches-without-default", DOMAIN, "match kind:\n case Kind.A: one()\n case _: other()"),
        ("matches-without-default", HANDLER, "match kind:\n case Kind.A | Kind.B: one()\n case rest: other(rest)"),
        ("match-instead-of-chain", DOMAIN, "if kind is Kind.A: one()\nelif kind is Kind.B: two()"),
        (
            "match-instead-of-chain",
            STORE,
            "def f(kind):\n if kind in (Kind.A, Kind.B): return 1\n if kind is Kind.C: return 2",
        ),
        ("types-of-methods", HANDLER, "sent = method.type is not MethodType.BANK_TRANSFER"),
        ("types-of-methods", DOMAIN, "port = stripe if method.type == methods.MethodType.STRIPE else bank"),
        ("docstrings-say", STORE, 'def f():\n    """Whether it is so."""'),
        ("docstrings-say", STORE, 'def f():\n    """Return it, and go\n    on."""'),
        ("docstrings-say", STORE, f'def f():\n    """Return {"it " * 33}."""'),
        ("no-one-letter-aliases", DOMAIN, "S = Status"),
        ("no-one-letter-aliases", DOMAIN, "R, M = Relation, marks.Marked"),
        ("no-one-letter-aliases", HANDLER, "from refledger.entry.access import Limit as L"),
        ("functions-ask-operations", HANDLER, "from refledger.store import ledger"),
        ("functions-ask-operations", HANDLER, "def late():\n    from refledger.adapters.queues import NotTaken"),
        ("attributes-in-the-store", OPERATION, "status = item['status']"),
        ("attributes-in-the-store", OPERATION, "referral = record.new.get('referral', '')"),
        ("attributes-in-the-store", OPERATION, "guard = table.get(key)['partner']"),
        ("attributes-in-the-store", OPERATION, "if 'created' not in item: ..."),
        ("attributes-in-the-store", OPERATION, "match item:\n case {'status': status}: ..."),
        ("attributes-in-the-store", OPERATION, "from refledger.store.transaction import Write, put"),
        ("stairs", DOMAIN, "from refledger.store import keys"),
        ("stairs", STORE, "def late():\n    from refledger.entry import http"),
        ("stairs", STORE, "import refledger.adapters.aws"),
        ("stairs", PACKAGE + "operations/rate_limits.py", "from refledger.operations.payouts import payout_gate"),
        ("stairs", PACKAGE + "operations/earning/payments.py", "from refledger.operations.payouts import steps"),
    ],
)
def test_a_rule_finds_what_it_is_for(rule: str, path: str, source: str) -> None:
    """The snippet breaks exactly the rule that names it."""
    assert broken(path, source) == {rule}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        pytest.param(STORE, '"""Keys look like PARTNER#<partner>; a Scan is 0.5 of a sin."""', id="docstring"),
        pytest.param(STORE, "x = 1  # a comment about PARTNER# and Scan", id="comment"),
        pytest.param(STORE, "change = 'SET #status = :s, #by = :by ADD #n :one'", id="names in an expression"),
        pytest.param(STORE, "change = f'#{counter} :{counter}'", id="a name in an f-string"),
        pytest.param(STORE, "names = re.findall(r'#\\w+', change)", id="the pattern of names"),
        pytest.param(PACKAGE + "store/keys/partners.py", "key = f'PARTNER#{partner}'", id="a room of keys"),
        pytest.param(PACKAGE + "adapters/aws.py", "import boto3\nboto3.client('sqs')", id="aws.py itself"),
        pytest.param(STORE, "from boto3.dynamodb.types import TypeSerializer", id="no client"),
        pytest.param(STORE, "from botocore.exceptions import ClientError", id="errors of the SDK"),
        pytest.param(DOMAIN, "half = amount // 2\nbad = isinstance(amount, float)", id="whole numbers"),
        pytest.param("local/undocked/pollers.py", "time.sleep(0.5)", id="a float far from money"),
        pytest.param(DOMAIN, "datetime.now(UTC)\ndatetime.fromtimestamp(s, tz=UTC)", id="times with zone"),
        pytest.param(HANDLER, "import os\ndef table():\n    return os.environ['T']", id="read when called"),
        pytest.param(HANDLER, "import os\ntable = lambda: os.environ['T']", id="read when called, lambda"),
        pytest.param("local/x.py", "import os\nif __name__ == '__main__':\n    print(os.environ)", id="read when run"),
        pytest.param(STORE, '@property\ndef f():\n    """Whether it is so."""', id="a property is a noun"),
        pytest.param(STORE, 'def f():\n    """Return it.\n\n    Whether it is so."""', id="it says first"),
        pytest.param(DOMAIN, 'T = TypeVar("T")\nP, Q = 1, 2\nOPEN = S_OPEN', id="no alias"),
        pytest.param(STORE, "status = item['status']", id="the store reads items"),
        pytest.param(OPERATION, "day = filters['from']\nid = event['id']", id="texts from outside"),
        pytest.param(OPERATION, "known['id of ' + name]\nnamed.get(id)\n'@' in text", id="no attribute's name"),
        pytest.param(OPERATION, "def f(of: Literal['ALL']): ...", id="a type"),
        pytest.param("tests/x.py", "boto3.client('s3').scan()", id="not deployed"),
    ],
)
def test_a_rule_leaves_alone_what_is_fine(path: str, source: str) -> None:
    """Nothing is found where only the look is the same."""
    assert broken(path, source) == set()


def test_a_violation_says_where_and_why() -> None:
    """One line that editors understand: path, line, rule, reason."""
    (line,) = house_rules.violations(DOMAIN, "x = 1\n\nrate = 0.2\n")
    assert line.startswith(f"{DOMAIN}:3: no-float: 0.2: no float near money")


def test_a_name_is_of_one_class() -> None:
    """Of the public ones that are deployed, in whatever modules; tests may have theirs."""
    source = "class Entry: ...\n\nclass _Private: ...\n"
    assert house_rules.classes_twice({DOMAIN: source, "tests/domain/x.py": source}) == []
    (line,) = house_rules.classes_twice({STORE: source, DOMAIN: source})
    assert line == f"{STORE}:1: one-class-a-name: Entry is a class of {DOMAIN}, too"


def test_every_rule_guards_files_that_exist() -> None:
    """A folder that was renamed must not switch a rule off in silence."""
    paths = [path.relative_to(house_rules.ROOT).as_posix() for path in house_rules.project_files()]
    for rule in house_rules.RULES:
        for folder in rule.within:
            assert any(path.startswith(folder) for path in paths), (rule.name, folder)
        for excepted in rule.except_in:
            assert any(path.startswith(excepted) for path in paths), (rule.name, excepted)


def test_the_project_obeys_its_own_rules() -> None:
    """The same that `make check` runs, so that a run of the tests alone tells as well."""
    assert house_rules.main([]) == 0


def test_strings_of_an_f_string_are_read_as_one() -> None:
    """Else the parts around {…} would be judged without what stands beside them."""
    assert list(house_rules.strings(ast.parse("f'a{b!r:>{w}}c' + 'd'"))) == [(1, "axc"), (1, "d")]
