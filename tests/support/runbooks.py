"""Runbooks: the commands that a page of docs/ prints, and what it says that they answer, held against what they did."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PROMPT = "$ bin/refledger "
# What differs from run to run, and what stands for it
DIFFERENT = (
    (re.compile(r"arn:aws:dynamodb:\S+"), "STREAM"),
    (re.compile(r"-r\d{8}T\d{6}\b"), "-COPY"),
    (re.compile(r"\b\d+ s\b"), "SECONDS"),
    (re.compile(r"\b\d+ entries\b"), "ENTRIES"),  # rewards that mature at once share one, by how it happens
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z?"), "MOMENT"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DAY"),
    (re.compile(r"arn:aws:sts::[\w:/.-]+"), "SOMEBODY"),
    (re.compile(r'"[0-9a-f]{4}…"|"[0-9a-f]{64}"'), "DIGEST"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "MESSAGE"),
    (re.compile(r"\b(?=[a-z]*\d)[a-v0-9]{24}\b"), "WITHDRAWAL"),
    (re.compile(r"\b(?=[a-z]*\d)[a-v0-9]{16}\b"), "PARTNER"),
)


@dataclass(frozen=True)
class Step:
    """A command, without its `bin/refledger` and `--stack NAME`, and the lines that it answers."""

    words: tuple[str, ...]
    answer: tuple[str, ...]


def steps(page: str, heading: str) -> Iterator[Step]:
    """What is to be typed under a heading of docs/`page`, in order: in indented lines, each behind a prompt."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f" {heading}\n")[2]
    assert text, f"{page} has no {heading}"
    section = re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
    shown = [line.removeprefix("    ") if line.startswith("    ") else "" for line in section.splitlines()]
    for first, line in enumerate(shown):
        if line.startswith(PROMPT):
            behind = shown[first + 1 :]
            end = next((i for i, each in enumerate(behind) if not each or each.startswith("$ ")), len(behind))
            words = shlex.split(line.removeprefix(PROMPT).replace(" --stack refledger", ""), comments=True)
            yield Step(tuple(words), tuple(behind[:end]))


def shape(step: Step) -> list[str]:
    """A step without what differs from run to run: moments, ids, digests, who it was; columns by single blanks."""
    told = "\n".join(" ".join(line.split()) for line in (shlex.join(step.words), *step.answer))
    for pattern, word in DIFFERENT:
        told = pattern.sub(word, told)
    return told.splitlines()


def transcript(done: list[Step]) -> str:
    """As it stands on a page."""
    return "\n".join(line for step in done for line in (PROMPT + shlex.join(step.words), *step.answer)) + "\n"
