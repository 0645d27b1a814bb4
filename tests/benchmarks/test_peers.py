"""What can be known of the comparison with the peers without a PostgreSQL and without their packages."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import page
from benchmarks.clocks import cpu_ms, family_ms
from benchmarks.peers import measure, postgres
from benchmarks.peers.measure import Figures, Work
from benchmarks.peers.side import PARTNERS, RATES_BPS, TOPS, Books, upline
from benchmarks.workers import Services
from scripts import lock, setup

APPS = Path(measure.__file__).with_name("apps")


def _install(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_missing_postgresql_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    """Not a file that is not found, in the middle of a measurement."""
    with pytest.raises(postgres.Missing, match="apt-get install postgresql"):
        postgres.programs(tmp_path / "debian", str(tmp_path))


def test_the_newest_postgresql_of_debian_is_taken(tmp_path: Path) -> None:
    """By its number, not by its text; and only one that can make a cluster."""
    for version in ("9", "15"):
        _install(tmp_path / version / "bin", "initdb", "postgres")
    _install(tmp_path / "17" / "bin", "postgres")
    assert postgres.programs(tmp_path, "") == tmp_path / "15" / "bin"


def test_a_postgresql_on_the_path_is_found_where_it_lies(tmp_path: Path) -> None:
    """Elsewhere than on Debian; a link leads to the others."""
    folder = _install(tmp_path / "opt", "initdb", "postgres")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "initdb").symlink_to(folder / "initdb")
    assert postgres.programs(tmp_path / "debian", str(tmp_path / "bin")) == folder


def test_postgresql_is_never_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """It refuses to be; somebody else stays who they are."""
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert postgres.owner() in ("postgres", "nobody")
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert postgres.owner() is None


def test_time_is_that_of_a_process_and_of_all_that_it_started() -> None:
    """Threads that have ended count; a process that has ended is no zero."""
    before = cpu_ms(os.getpid())
    busy = threading.Thread(target=lambda: sum(range(2_000_000)))
    busy.start()
    busy.join()
    assert cpu_ms(os.getpid()) > before
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()  # its child runs
        assert family_ms([child.pid]) > cpu_ms(child.pid)
        child.communicate(b"\n", timeout=60)
    with pytest.raises(ProcessLookupError):
        cpu_ms(child.pid)


def test_who_asks_for_money_has_been_paid_for_before() -> None:
    """All have somebody above them, so that each payment is one of two tiers; ids and keys come once."""
    work = Work()
    payments = work.payments(2 * PARTNERS)
    assert len({each.id for each in payments}) == len(payments)
    assert {each.partner for each in payments} == set(range(TOPS, PARTNERS))
    assert all(upline(each.partner) is not None for each in payments)
    assert [work.asker() for _ in payments] == [each.partner for each in payments]
    assert len({work.key() for _ in payments}) == len(payments)


@pytest.mark.parametrize("clients", [1, 16])
def test_clients_make_each_call_once(clients: int) -> None:
    """And all of them, however many there are."""
    made: list[int] = []
    measure._at_once([lambda number=number: made.append(number) for number in range(100)], clients)  # type: ignore[misc]
    assert sorted(made) == list(range(100))


def test_a_call_that_fails_ends_the_measurement() -> None:
    """A figure of calls that were refused would say that the side is quick."""

    def fail() -> None:
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        measure._at_once([fail], 2)


def _figures(application: float, books: Books, rows: Sequence[str] = measure.ROWS) -> Figures:
    found = Figures(books=books)
    for row in rows:
        found.application[row] = [application, application, 100 * application]
        found.database[row] = [1.0]
        found.a_second[row] = [10.0, 30.0, 20.0]
    return found


def test_the_table_has_medians_and_what_a_peer_takes_of_ours() -> None:
    """A peer that is quicker is there with a figure below one. Its payments come alone, however it was asked."""
    found = {
        "refledger": _figures(2, Books(payments=7)),
        "peer": _figures(3, Books(payments=7), [row for row in measure.ROWS if row != measure.ALONE]),
        "other": _figures(1, Books(payments=7, counted_twice=2, off=150)),
    }
    said = measure.report(found)
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in said.splitlines() if line]
    rows = {name: cells for name, *cells in reversed(lines)}  # the first table's, where more have the row
    assert rows[measure.ALONE] == ["2.00 + 1.00", "3.00 + 1.00", "1.00 + 1.00", "1.50"]
    assert [measure.STATISTICS, "20", "20", "20"] in lines
    assert rows["what rewards and balances differ by, $"] == ["0.00", "0.00", "1.50"]
    assert rows["the books balance"] == ["yes", "yes", "NO"]
    assert measure.broken(found) == []


@pytest.mark.parametrize("books", [Books(counted_twice=1), Books(off=1), Books(beyond=1)])
def test_our_own_books_must_balance(books: Books) -> None:
    """`make bench` ends with 1; what the peers' do is for the table."""
    fine = _figures(1, Books())
    assert measure.broken({"refledger": _figures(1, books), "peer": fine})
    assert not measure.broken({"refledger": fine, "peer": _figures(1, books)})
    assert measure.broken({"refledger": Figures(granted_twice=1), "peer": fine})


def test_the_peer_has_the_same_rates() -> None:
    """Else it would add up less."""
    tree = ast.parse((APPS / "fastapi_app.py").read_text())
    [rates] = [
        node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "RATES_BPS"
    ]
    assert ast.literal_eval(rates.value) == RATES_BPS


def test_what_stands_in_for_aws_keeps_messages_and_knows_its_limits() -> None:
    """What it does not know is an error, not an empty answer that a function takes for success."""
    services = Services()
    entries = [{"Id": "0", "MessageBody": "first"}, {"Id": "1", "MessageBody": "second"}]
    answer = services.answer("SendMessageBatch", {"QueueUrl": "http://127.0.0.1/0/maturity", "Entries": entries})
    assert [each["Id"] for each in answer["Successful"]] == ["0", "1"]
    assert services.take("maturity") == ["first", "second"]
    assert services.take("maturity") == []
    with pytest.raises(AssertionError, match="DeleteObject"):
        services.answer("DeleteObject", {})


def test_its_tables_are_on_the_page() -> None:
    """Else `make bench` would measure and tell nobody."""
    found = {"refledger": _figures(2, Books()), "FastAPI + SQLAlchemy": _figures(3, Books())}
    heads = [line.split("|")[1].strip() for line in measure.report(found).split("\n\n") if line.startswith("|")]
    assert set(heads) <= set(page.names())


def test_its_packages_are_pinned_like_all_others() -> None:
    """And come by themselves with the part, with nothing else."""
    assert setup.ENVIRONMENTS["peers"] == (".local/peers", lock.TARGETS["peers"])
    assert "peers" not in setup.PARTS
    assert (lock.ROOT / lock.TARGETS["peers"]).read_text().count("==") > 10
