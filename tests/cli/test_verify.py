"""`refledger verify`: what it finds, how it says it, and what it holds the books against."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from refledger.adapters.archive import DayWriter, ManifestArchive
from refledger.adapters.signing import KmsKey
from refledger.domain.manifest import INDEX, SIGNATURE, part_name
from refledger.domain.times import iso
from refledger.operations.proof import manifests, verification
from refledger.operations.proof.book_checks import Checked, Fault
from refledger.operations.proof.manifests import ManifestOutcome, day_of
from refledger.store import findings, keys
from refledger.store.findings import Finding, FindingReason, ScreeningRound
from refledger.store.transaction import update
from tests.cli.conftest import Command, numbers
from tests.support.books import Books
from undocked.testing import PATIENCE_SECONDS, Stack

Names = dict[str, str]


@pytest.fixture
def books(books: Books) -> Books:
    """Bob and Carol with rewards, a withdrawal of Bob's."""
    books.program()
    books.chain("alice", "bob", "carol")
    for number in range(3):
        books.earn("carol", f"p{number}", 10_000)
    books.withdraw("bob", 1_500)
    return books


def edit(books: Books, version: int, amount: int = 7) -> str:
    """Another amount in an entry of Bob's; returns his id."""
    entry = books.entries("bob")[version - 1]
    key = keys.entry(entry.partner_id, "USD", entry.at_ms, version)
    books.table.commit(update("an edit", key, "SET #amount = :amount", "", amount=amount))
    return entry.partner_id


def test_right_books(refledger: Command) -> None:
    """0, and how much was read."""
    done = refledger("verify")
    assert (done.status, done.err) == (0, "")
    assert done.lines[-1].startswith("0 faults in 2 partners, 2 balances, 7 entries, 6 rewards")


def test_an_edited_entry_is_named(refledger: Command, books: Books) -> None:
    """1, with partner, currency, entry and reason, in words and as JSON."""
    bob = edit(books, 2)
    done = refledger("verify")
    assert done.status == 1
    assert f"FAULT partner {bob} USD: entry 2: its hash is not that of its contents" in done.lines
    told = refledger("verify", "--json")
    assert told.status == 1
    found = {"partner_id": bob, "currency": "USD", "reason": "entry 2: its hash is not that of its contents"}
    assert found in told.json["faults"]
    assert told.json["checked"]["partners"] == 2
    assert len(told.lines) == len(told.json["faults"]) + 2, "a line each"


def test_one_partner(refledger: Command, books: Books) -> None:
    """Another's faults are not looked for; one whom there is not cannot be verified."""
    bob = edit(books, 1)
    assert refledger("verify", "--partner", books.partner("carol").id).status == 0
    assert refledger("verify", "--partner", bob).status == 1
    done = refledger("verify", "--partner", "nobody")
    assert (done.status, done.err) == (2, "refledger: there is no such partner\n")


def test_faults_are_told_as_they_are_found(refledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that is cut off has said what it knew; its JSON is then none, so nobody takes it for the whole."""

    def verify(*_: Any) -> Any:
        yield Fault("p1", "EUR", "entry 3: is wrong")
        raise KeyboardInterrupt

    monkeypatch.setattr(verification, "verify", verify)
    done = refledger("verify")
    assert (done.status, done.out) == (130, "FAULT partner p1 EUR: entry 3: is wrong\n")
    done = refledger("verify", "--json")
    assert done.status == 130
    assert '"entry 3: is wrong"' in done.out
    with pytest.raises(json.JSONDecodeError):
        assert done.json


def test_an_interrupted_run_goes_on(refledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says from where; the rest is read then, and what was read before is not."""

    def until_one_is_done(context: Any, checked: Checked, _: str) -> Iterator[Fault]:
        next(verification.walk(context, checked))
        yield Fault("p1", "EUR", "entry 3: is wrong")
        raise KeyboardInterrupt

    with monkeypatch.context() as cut_off:
        cut_off.setattr(verification, "verify", until_one_is_done)
        done = refledger("verify")
    assert done.status == 130
    place = done.err.removeprefix("refledger: to go on, verify --from ").strip()
    assert place.startswith("partners/")
    assert refledger("verify", "--from", place).lines[-1].startswith("0 faults in 1 partners")
    done = refledger("verify", "--from", "nowhere")
    assert (done.status, done.err) == (2, "refledger: 'nowhere' is no place in the books\n")
    done = refledger("verify", "--from", place, "--found")
    assert (done.status, done.err) == (2, "refledger: one of --partner, --from and --found\n")


def test_what_the_stack_found_is_shown(refledger: Command, books: Books) -> None:
    """Since when it is there, what was only seen once, and how old the last whole sweep is; in words and as JSON."""
    bob, now_ms = edit(books, 2), books.clock()
    done = refledger("verify", "--found")
    assert (done.status, done.lines) == (0, ["0 faults; the last whole sweep ended 0m ago"])
    ended = ScreeningRound(now_ms, now_ms, now_ms, "end", ("someone",))
    sure = FindingReason(bob, "USD", "entry 2: is wrong", now_ms, is_told=True)
    unsure = FindingReason(bob, "EUR", "entry 3: is wrong", now_ms)
    books.table.commit(findings.keep(ended), findings.save(Finding("partners", bob, (sure, unsure), now_ms)))
    done = refledger("verify", "--found")
    assert done.status == 1
    assert done.lines[:3] == [
        f"FAULT partner {bob} USD: entry 2: is wrong (since {iso(now_ms)})",
        f"SEEN ONCE partner {bob} EUR: entry 3: is wrong",
        "TOO LONG partner someone: the stack reads the newest entries alone; verify --partner someone",
    ]
    assert done.lines[3].startswith("1 faults; the last whole sweep ended ")
    told = refledger("verify", "--found", "--json")
    since = iso(now_ms)
    assert told.status == 1
    assert told.json == {
        "faults": [{"partner_id": bob, "currency": "USD", "reason": "entry 2: is wrong", "since": since}],
        "seenOnce": [{"partner_id": bob, "currency": "EUR", "reason": "entry 3: is wrong", "since": since}],
        "tooLong": ["someone"], "wholeAt": since, "place": "end",
    }  # fmt: skip


def test_a_fault_of_nobody_is_told_too(refledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a currency, or of all together."""
    found = [Fault("", "EUR", "do not add up"), Fault("", "", "something")]
    monkeypatch.setattr(verification, "verify", lambda *_: iter(found))
    assert refledger("verify").lines[:2] == ["FAULT EUR: do not add up", "FAULT something"]


class Screen(io.StringIO):
    """Standard error, and a verification that waits for `text` to appear there before it finds its fault."""

    def __init__(self, text: str, *, is_terminal: bool = False) -> None:
        super().__init__()
        self.text, self._is_terminal, self._told = text, is_terminal, threading.Event()

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        if self.text in text:
            self._told.set()
        return super().write(text)

    def watched(self, _: Any, checked: Checked, __: str) -> Iterator[Fault]:
        checked.partners = 5
        assert self._told.wait(PATIENCE_SECONDS)
        yield Fault("p1", "EUR", "entry 3: is wrong")


def test_progress_where_it_is_asked_for(refledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, again and again."""
    screen = Screen("0 faults in 5 partners")
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("refledger.cli.output.EVERY_SECONDS", 0.01)
    monkeypatch.setattr(verification, "verify", screen.watched)
    done = refledger("verify", "--progress")
    assert any(line.startswith(screen.text) for line in screen.getvalue().splitlines())
    assert done.lines[0] == "FAULT partner p1 EUR: entry 3: is wrong"


def test_no_progress_where_nobody_asked(refledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the option, and without a terminal."""

    def slow(*_: Any) -> Iterator[Fault]:
        time.sleep(0.1)
        yield from ()

    monkeypatch.setattr("refledger.cli.output.EVERY_SECONDS", 0.01)
    monkeypatch.setattr(verification, "verify", slow)
    assert refledger("verify").err == ""


def test_on_a_terminal_progress_makes_room_for_results(refledger: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line that is written over, and empty before a fault is told."""
    terminal = Screen("0 faults in 5 partners", is_terminal=True)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("refledger.cli.output.EVERY_SECONDS", 0.01)
    monkeypatch.setattr(verification, "verify", terminal.watched)
    refledger("verify")
    written = [each for each in terminal.getvalue().split("\r") if each]
    room = next(number for number, each in enumerate(written) if each.isspace())
    assert written[room - 1].startswith("0 faults in 5 partners")
    assert written[room] == " " * len(written[room - 1])


# ---------------------------------------------------------------- against a manifest


@pytest.fixture
def day(books: Books, stack: Stack, names: Names) -> str:
    """A day of this test's own, whose manifest is written as the function does it."""
    made = str(date(2090, 1, 1) + timedelta(days=next(numbers)))
    writer = DayWriter(stack.client("s3"), names["ManifestBucket"], made)
    key = KmsKey(stack.client("kms"), names["ManifestKey"])
    assert manifests.write(books.context, writer, key, made, lambda: True) is ManifestOutcome.WRITTEN
    return made


def test_what_the_manifest_saw_is_still_there(
    refledger: Command, monkeypatch: pytest.MonkeyPatch, books: Books, day: str
) -> None:
    """Named by its day, and as the latest that is complete; entries since are no difference."""
    books.earn("carol", "since", 10_000)
    assert refledger("verify", "--manifest", day, "--json").json["faults"] == []
    monkeypatch.setattr(ManifestArchive, "days", lambda _: ["2099-01-01", day])  # the newer one has no signature
    done = refledger("verify", "--manifest", "latest")
    assert (done.status, done.err) == (0, "")


def test_an_old_manifest_is_no_secret(
    refledger: Command, stack: Stack, names: Names, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the latest one is not of today or yesterday, the command says from when on only the chain holds."""
    old = "2020-01-01"
    writer = DayWriter(stack.client("s3"), names["ManifestBucket"], old)
    manifests.write(books.context, writer, KmsKey(stack.client("kms"), names["ManifestKey"]), old, lambda: True)
    monkeypatch.setattr(ManifestArchive, "days", lambda _: [day_of(books.clock()), old])  # today's is not complete
    done = refledger("verify", "--manifest", "latest")
    assert done.status == 0
    assert done.err.startswith("refledger: the latest manifest is of 2020-01-01")
    monkeypatch.setattr(ManifestArchive, "days", lambda _: [])
    done = refledger("verify", "--manifest", "latest")
    assert (done.status, done.err) == (2, "refledger: there is no manifest yet\n")


def test_a_rewritten_entry_is_named(refledger: Command, books: Books, day: str) -> None:
    """A hash that is not the manifest's is a fault, of the partner whose chain it is, and of that one's only."""
    bob = books.partner("bob").id
    entry = books.entries("bob")[-1]
    key = keys.entry(bob, "USD", entry.at_ms, entry.version)
    books.table.commit(update("an edit", key, "SET #hash = :hash", "", hash="0" * 64))
    done = refledger("verify", "--manifest", day, "--partner", bob)
    assert done.status == 1
    assert f"FAULT partner {bob} USD: entry {entry.version}: has another hash than in the manifest" in done.out
    assert refledger("verify", "--manifest", day, "--partner", books.partner("alice").id).status == 0


def test_what_was_first_written_counts(refledger: Command, stack: Stack, names: Names, day: str) -> None:
    """Somebody who may write to the bucket hides the index, or puts another over it: the first version is read."""
    s3, place = stack.client("s3"), {"Bucket": names["ManifestBucket"], "Key": f"manifests/{day}/{INDEX}"}
    s3.delete_object(**place)
    assert refledger("verify", "--manifest", day).status == 0
    s3.put_object(**place, Body=b"{}")
    assert refledger("verify", "--manifest", day).status == 0


def test_a_folder_and_a_public_key_are_enough(
    refledger: Command, stack: Stack, names: Names, day: str, tmp_path: Path
) -> None:
    """A copy is checked without S3 and KMS; one that was changed, or that another key signed, is a fault."""
    kms, archive = stack.client("kms"), ManifestArchive(stack.client("s3"), names["ManifestBucket"])
    for name in (INDEX, SIGNATURE, part_name(1)):
        (tmp_path / name).write_bytes(archive.read(day, name))
    public = tmp_path / "public.der"
    public.write_bytes(kms.get_public_key(KeyId=names["ManifestKey"])["PublicKey"])
    asked = ("verify", "--manifest", str(tmp_path / INDEX), "--public-key", str(public))
    assert refledger(*asked).status == 0
    part = tmp_path / part_name(1)
    part.write_bytes(part.read_bytes() + b" ")
    done = refledger(*asked)
    assert done.status == 1
    assert f"FAULT manifest {tmp_path}: part-00001.jsonl is not the one that was signed" in done.lines
    other = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    public.write_bytes(kms.get_public_key(KeyId=other)["PublicKey"])
    done = refledger(*asked)
    assert done.status == 1
    assert "the signature is not that of the index" in done.out
    done = refledger("verify", "--manifest", day, "--key", other)
    assert done.status == 1
    assert "the signature is not that of the index" in done.out


def test_a_manifest_in_s3_by_its_address(refledger: Command, names: Names, day: str) -> None:
    """As it is written in the console; a folder above it is not a manifest."""
    address = f"s3://{names['ManifestBucket']}/manifests/{day}"
    for which in (address, f"{address}/", f"{address}/{INDEX}"):
        assert refledger("verify", "--manifest", which).status == 0
    done = refledger("verify", "--manifest", address.rsplit("/", 1)[0])
    assert done.status == 2
    assert "name a day's manifest" in done.err


@pytest.mark.parametrize(
    ("which", "key", "told"),
    [
        ("1999-01-01", "", "there is no s3://"),
        ("nowhere/at/all", "", "there is no nowhere/at/all/index.json"),
        ("latest", "nowhere.pem", "nowhere.pem: "),
        ("latest", __file__, f"{__file__}: "),
    ],
)
def test_a_manifest_or_key_that_is_not_there(refledger: Command, day: str, which: str, key: str, told: str) -> None:
    """2: nothing is known then of the books, good or bad."""
    done = refledger("verify", "--manifest", which, *(["--public-key", key] if key else []))
    assert done.status == 2
    assert done.err.splitlines()[-1].startswith(f"refledger: {told}")
