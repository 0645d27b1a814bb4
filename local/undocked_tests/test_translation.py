"""The SAM transform is done once for a template, and never for one that is another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform

from undocked.errors import StartError
from undocked.translation import KEPT_AT_MOST, translate

TEXT = """
Transform: AWS::Serverless-2016-10-31
Parameters: {Env: {Type: String, Default: dev}}
Resources:
  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: f/, Handler: app.handler, Runtime: python3.11}}
"""


@pytest.fixture
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template of one function."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    path = tmp_path / "template.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was transformed."""
    done: list[object] = []

    def counted(source: Any, parameters: Any, policies: Any) -> Any:
        done.append(parameters)
        return transform(source, parameters, policies)

    monkeypatch.setattr("samtranslator.translator.transform.transform", counted)
    return done


def test_the_second_time_it_is_there(template: Path, tmp_path: Path, calls: list[object]) -> None:
    """And is what it was; without a cache nothing is kept."""
    cache = tmp_path / "cache"
    made = translate(template, {}, cache)
    assert made["Resources"]["F"]["Type"] == "AWS::Lambda::Function"
    assert translate(template, {}, cache) == made == translate(template, {}, None)
    assert len(calls) == 2


def test_what_is_different_is_made_anew(
    template: Path, tmp_path: Path, calls: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another parameter, text or region."""
    translate(template, {}, tmp_path / "cache")
    translate(template, {"Env": "prod"}, tmp_path / "cache")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    translate(template, {}, tmp_path / "cache")
    template.write_text(TEXT.replace("f/", "g/"))
    changed = translate(template, {}, tmp_path / "cache")
    assert changed["Resources"]["F"]["Properties"]["Code"] == {"S3Bucket": "local", "S3Key": "g/"}
    assert len(calls) == 4


def test_a_torn_file_is_made_anew(template: Path, tmp_path: Path) -> None:
    """Whoever wrote it."""
    made = translate(template, {}, tmp_path / "cache")
    (kept,) = (tmp_path / "cache").iterdir()
    kept.write_text("{")
    assert translate(template, {}, tmp_path / "cache") == made
    assert kept.read_text().endswith("}")


def test_what_is_refused_is_not_kept(template: Path, tmp_path: Path) -> None:
    """It is refused again."""
    for _ in range(2):
        with pytest.raises(StartError):
            translate(template, {"Other": "1"}, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_none(template: Path, tmp_path: Path) -> None:
    """The stack starts all the same."""
    (tmp_path / "cache").write_text("a file")
    assert translate(template, {}, tmp_path / "cache")["Resources"]


def test_the_oldest_are_forgotten(template: Path, tmp_path: Path) -> None:
    """So that it does not grow for ever."""
    cache = tmp_path / "cache"
    cache.mkdir()
    for number in range(KEPT_AT_MOST + 5):
        (cache / f"{number}.json").touch()
    translate(template, {}, cache)
    assert len(list(cache.iterdir())) == KEPT_AT_MOST
    assert max(cache.iterdir(), key=lambda file: file.stat().st_size).stat().st_size > 100
