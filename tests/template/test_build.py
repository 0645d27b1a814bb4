"""The check of a build finds what would only show in Lambda; what completes a build does so."""

from __future__ import annotations

import json
import platform
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pydantic_core
import pytest
import typing_extensions
from samtranslator.yaml_helper import yaml_parse

from scripts import check_build, compile_build
from tests.template.deployed import ROOT, resources, transformed

TEMPLATE = f"""\
Parameters:
  PythonRuntime:
    Type: String
    Default: {check_build.RUNTIME}
    AllowedValues:
    - {check_build.RUNTIME}
  Architecture:
    Type: String
    Default: x86_64
    AllowedValues: [x86_64]
Resources:
  CoreLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: {{ContentUri: CoreLayer}}
  PaymentsFunction:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: PaymentsFunction, Role: !Ref Role}}
"""
APP = "import refledger.entry.http\n\n\ndef handler(event, context):\n    return event\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small project of the real one's shape."""
    write(tmp_path / "source" / "functions" / "payments" / "app.py", APP)
    for module in ("__init__.py", "entry/__init__.py", "entry/http.py"):
        write(tmp_path / "source" / "layers" / "core" / "python" / "refledger" / module, "NAME = __name__\n")
    text = TEMPLATE.replace("CodeUri: PaymentsFunction", "CodeUri: functions/payments/")
    write(tmp_path / "source" / "template.yaml", text)
    return tmp_path / "source"


@pytest.fixture
def build(tmp_path: Path, source: Path) -> Path:
    """What `make build` would make of it."""
    made = tmp_path / "build"
    shutil.copytree(source / "layers" / "core" / "python", made / "CoreLayer" / "python")
    shutil.copytree(source / "functions" / "payments", made / "PaymentsFunction")
    write(made / "template.yaml", TEMPLATE)
    assert compile_build.compile_all(made) == []
    return made


def elf(path: Path, architecture: str) -> None:
    """The head of a compiled module for a machine."""
    machine = {word: number for number, word in check_build.ELF_MACHINES.items()}[architecture]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, machine))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def faults(build: Path, source: Path) -> list[str]:
    return list(check_build.check(check_build.read(build, source), source))


def test_a_good_build_has_no_faults(build: Path, source: Path) -> None:
    """A build of the right shape passes."""
    assert faults(build, source) == []


def layer_in_the_wrong_place(build: Path) -> None:
    shutil.move(build / "CoreLayer" / "python", build / "moved")
    shutil.move(build / "moved", build / "CoreLayer" / "python" / "python")


def module_left_out(build: Path) -> None:
    (build / "CoreLayer" / "python" / "refledger" / "entry" / "http.py").unlink()


def dependency_left_out(build: Path) -> None:
    write(build / "PaymentsFunction" / "app.py", "import yaml\n" + APP)


def no_handler(build: Path) -> None:
    write(build / "PaymentsFunction" / "app.py", APP.replace("handler", "main"))


def connects_at_import(build: Path) -> None:
    write(build / "PaymentsFunction" / "app.py", "import socket\nsocket.getaddrinfo('localhost', 80)\n" + APP)


def reads_the_environment_at_import(build: Path) -> None:
    write(build / "PaymentsFunction" / "app.py", "import os\nos.environ['TABLE_NAME']\n" + APP)


def carries_the_layer_along(build: Path) -> None:
    shutil.copytree(build / "CoreLayer" / "python" / "refledger", build / "PaymentsFunction" / "refledger")


def no_byte_code(build: Path) -> None:
    shutil.rmtree(build / "PaymentsFunction" / "__pycache__")


def byte_code_of_nothing(build: Path) -> None:
    write(build / "CoreLayer" / "python" / "__pycache__" / "tests.cpython-311.pyc", "")


def compiled_for_another_machine(build: Path) -> None:
    write(build / "CoreLayer" / "python" / "core.cpython-39-aarch64-linux-gnu.so", "")


def compiled_for_another_machine_than_named(build: Path) -> None:
    elf(build / "CoreLayer" / "python" / "core.abi3.so", "arm64")


def too_large(build: Path) -> None:
    with (build / "CoreLayer" / "data.bin").open("wb") as file:
        file.truncate(check_build.UNPACKED_LIMIT_BYTES)  # sparse: takes no room


@pytest.mark.parametrize(
    ("spoil", "recompile", "fault"),
    [
        (layer_in_the_wrong_place, True, "layer: python/python"),
        (module_left_out, False, "python/refledger/entry/http.py is missing"),
        (dependency_left_out, True, "No module named 'yaml'"),
        (no_handler, True, "PaymentsFunction: cannot be imported: no handler"),
        (connects_at_import, True, "an import opens a connection"),
        (reads_the_environment_at_import, True, "PaymentsFunction: cannot be imported: KeyError: 'TABLE_NAME'"),
        (carries_the_layer_along, True, "PaymentsFunction: holds other files than payments/: refledger/"),
        (no_byte_code, False, "PaymentsFunction: app.py has no byte code"),
        (byte_code_of_nothing, False, "tests.cpython-311.pyc is no module's byte code"),
        (compiled_for_another_machine, False, "core.cpython-39-aarch64-linux-gnu.so is not for"),
        (compiled_for_another_machine_than_named, False, "core.abi3.so is not for"),
        (too_large, False, "PaymentsFunction: 250 MB with its layer"),
    ],
)
def test_spoilt_builds_are_found(
    build: Path, source: Path, spoil: Callable[[Path], None], recompile: bool, fault: str
) -> None:
    """Whatever makes a build useless in Lambda is named."""
    spoil(build)
    if recompile:
        compile_build.compile_all(build)
    found = faults(build, source)
    assert any(fault in each for each in found), found


def test_a_function_may_bring_packages_along(build: Path, source: Path) -> None:
    """With a requirements.txt of its own it holds all of its sources, and packages that are for its platform."""
    package = build / "PaymentsFunction"
    for home in (package, source / "functions" / "payments"):
        write(home / "requirements.txt", "fpdf2==2.8.9\n")
    write(package / "fpdf" / "__init__.py", "")
    write(package / "fpdf" / "fast.cpython-39-aarch64-linux-gnu.so", "")
    compile_build.compile_all(build)
    (fault,) = faults(build, source)
    assert fault.startswith("PaymentsFunction: fast.cpython-39-aarch64-linux-gnu.so is not for")
    (package / "fpdf" / "fast.cpython-39-aarch64-linux-gnu.so").unlink()
    assert faults(build, source) == []
    write(source / "functions" / "payments" / "font.ttf", "")
    assert faults(build, source) == ["PaymentsFunction: holds other files than payments/: font.ttf"]


def test_byte_code_is_used_without_its_source_and_names_lambdas_paths(build: Path) -> None:
    """Byte code is taken as it is, however new the source looks, and tracebacks say where Lambda unpacks it."""
    module = build / "CoreLayer" / "python" / "refledger" / "entry" / "http.py"
    module.write_text("raise SystemExit('the source was read')\n")
    code = "import refledger.entry.http as h; print(h.NAME)"
    found = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(module.parents[2])!r}); {code}"],
        capture_output=True, text=True, check=True, timeout=30,
    )  # fmt: skip
    assert found.stdout == "refledger.entry.http\n"
    compiled = module.parent / "__pycache__" / f"http.{sys.implementation.cache_tag}.pyc"
    assert b"/opt/python/refledger/entry/http.py" in compiled.read_bytes()


def test_the_platform_of_the_build_is_all_that_is_allowed(build: Path) -> None:
    """What the layer was compiled for is what CloudFormation may ask Lambda for; other parameters stay."""
    write(build / "CoreLayer" / "python" / "core.cpython-311-aarch64-linux-gnu.so", "")
    assert compile_build.architecture(build) == "arm64"
    pinned = compile_build.pin(TEMPLATE, "PythonRuntime", "python3.14")
    one = f"    Default: {check_build.RUNTIME}\n    AllowedValues:\n    - {check_build.RUNTIME}\n"
    assert pinned == TEMPLATE.replace(one, "    Default: python3.14\n    AllowedValues: [python3.14]\n")
    for parameter in ("PythonRuntime", "Architecture"):
        text = (ROOT / "template.yaml").read_text(encoding="utf-8")
        (allowed,) = yaml_parse(compile_build.pin(text, parameter, "it"))["Parameters"][parameter]["AllowedValues"]
        assert allowed == "it"
    with pytest.raises(ValueError, match="Colour"):
        compile_build.pin(TEMPLATE, "Colour", "red")


def test_a_build_that_may_run_on_anything_is_refused(build: Path, source: Path) -> None:
    """`sam build` alone leaves every runtime allowed: a stack that has another one would keep it."""
    write(build / "template.yaml", TEMPLATE.replace("[x86_64]", "[x86_64, arm64]"))
    with pytest.raises(SystemExit, match="Architecture may be another one"):
        check_build.read(build, source)


@pytest.fixture
def elsewhere(build: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build for the machine that this is not, of a layer with one compiled module that this machine has, too."""
    other, tag = ("x86_64", "x86_64") if platform.machine() == "aarch64" else ("arm64", "aarch64")
    here = tmp_path / "here"
    installed = Path(pydantic_core.__file__).parent
    shutil.copytree(installed, here / "pydantic_core")
    write(here / "pydantic_core-1.0.dist-info" / "METADATA", "")
    monkeypatch.setattr(check_build, "HERE", here)
    layer = build / "CoreLayer" / "python"
    shutil.copytree(installed, layer / "pydantic_core", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    write(layer / "typing_extensions.py", Path(typing_extensions.__file__).read_text(encoding="utf-8"))
    version = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"
    elf(layer / "pydantic_core" / f"_pydantic_core.{version}-{tag}-linux-gnu.so", other)
    write(layer / "pydantic_core-1.0.dist-info" / "METADATA", "")
    for home in (build / "PaymentsFunction", source / "functions" / "payments"):
        write(home / "app.py", "from pydantic_core import SchemaValidator\n" + APP)
    text = TEMPLATE.replace("Default: x86_64", f"Default: {other}").replace("[x86_64]", f"[{other}]")
    write(build / "template.yaml", text)
    compile_build.compile_all(build)
    return layer


def test_a_build_for_another_machine_is_imported_with_this_ones_modules(
    build: Path, source: Path, elsewhere: Path
) -> None:
    """All of its Python is run; what cannot be imported there would be found here."""
    assert faults(build, source) == []
    write(build / "PaymentsFunction" / "app.py", "from pydantic_core import Nothing\n" + APP)
    compile_build.compile_all(build)
    (fault,) = faults(build, source)
    assert fault.startswith("PaymentsFunction: cannot be imported: ImportError")


def test_what_this_machine_cannot_stand_in_for_is_said(build: Path, source: Path, elsewhere: Path) -> None:
    """A compiled module that is not here, or is of another version, is not passed over."""
    (elsewhere / "pydantic_core-1.0.dist-info").rename(elsewhere / "pydantic_core-2.0.dist-info")
    (fault,) = faults(build, source)
    assert "pydantic_core-2.0.dist-info cannot be checked" in fault
    (elsewhere / "pydantic_core-2.0.dist-info").rename(elsewhere / "pydantic_core-1.0.dist-info")
    (compiled,) = elsewhere.rglob("*.so")
    compiled.rename(compiled.with_name(compiled.name.replace("_pydantic_core", "_other")))
    (fault,) = faults(build, source)
    assert "pydantic_core/_other cannot be checked" in fault


def test_the_stack_is_small_enough_for_cloudformation() -> None:
    """500 resources are the most that a stack may have; a function takes three or four, a route none."""
    left = 500 - len(resources())
    assert left >= 180, f"{left} resources are left of 500"
    assert len(json.dumps(transformed())) < 1_000_000, "and the template may have a megabyte"
