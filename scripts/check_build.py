"""Proves that what `make build` left in .aws-sam/build works where Lambda puts it.

* The layer is imported as Lambda would: by an interpreter of its own that sees the standard library, the
  function's package and the layer's python/ folder, and nothing else. There are no environment variables and
  no network, so an import that needs either fails here.
* Every function's handler is there and can be called.
* Every module has byte code that is used without a look at its source.
* A function's package holds its own sources and nothing else but what its requirements.txt brings, and the layer holds
  all of refledger's.
* Function and layer together stay below Lambda's limit, and are for the platform that the template names, by the
  header of every compiled module.

What is compiled for another machine cannot be imported here. Then the same imports are done with this machine's modules
in the place of those, taken from the environment that runs this: each must be there, and in the same version.

Prints one line for each fault; the exit code says whether there is any.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
UNPACKED_LIMIT_BYTES = 250 * 1024 * 1024  # a function with its layers
IMPORT_LIMIT_SECONDS = 60
PEP_552_UNCHECKED = b"\x01\x00\x00\x00"
RUNTIME = "python{}.{}".format(*sys.version_info)
MACHINES = {
    "x86_64": "x86_64",
    "arm64": "aarch64",
}  # Lambda's word for it: the one in the names of compiled modules
ELF_MACHINES = {
    62: "x86_64",
    183: "arm64",
}  # e_machine, two bytes at 18 (https://refspecs.linuxfoundation.org/elf/gabi4+)
HERE = Path(sysconfig.get_paths()["platlib"])

# Run by an isolated interpreter without site-packages; its last line says what went wrong.
IMPORT = """
import importlib, os, socket, sys
function, layer, name = sys.argv[1:]
sys.path[:0] = [path for path in (function, layer) if path]
os.environ.clear()
def refuse(*_, **__): raise RuntimeError("an import opens a connection")
socket.socket.connect = socket.getaddrinfo = refuse
module = importlib.import_module(name)
if function and not callable(getattr(module, "handler", None)): sys.exit("no handler")
core = sys.modules.get("refledger")
if core is None or not core.__file__.startswith(layer): sys.exit("refledger does not come from the layer")
"""


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as nothing: none of them is looked at here."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


@dataclass(frozen=True)
class Build:
    """What `sam build` says that it has built."""

    layer: Path
    functions: dict[str, tuple[Path, Path]]  # by logical id: the package, and the sources that it was made of
    runtime: str
    architecture: str


def read(build: Path, source: Path) -> Build:
    """The build in a folder, made of the template in another."""
    built: dict[str, Any] = yaml.load((build / "template.yaml").read_text(encoding="utf-8"), _Loader)
    declared: dict[str, Any] = yaml.load((source / "template.yaml").read_text(encoding="utf-8"), _Loader)
    functions, layers = {}, []
    for logical_id, resource in built["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            origin = source / declared["Resources"][logical_id]["Properties"]["CodeUri"]
            functions[logical_id] = (build / properties["CodeUri"], origin)
        elif resource["Type"] == "AWS::Serverless::LayerVersion":
            layers.append(build / properties["ContentUri"])
    parameters = built["Parameters"]
    (layer,) = layers
    for name in ("PythonRuntime", "Architecture"):
        if parameters[name].get("AllowedValues") != [parameters[name]["Default"]]:
            raise SystemExit(f"{name} may be another one than was built for: run `make build`")
    return Build(layer, functions, parameters["PythonRuntime"]["Default"], parameters["Architecture"]["Default"])


def check(build: Build, source: Path) -> Iterator[str]:
    """The faults of a build."""
    yield from _layout_faults(build, source)
    yield from _size_faults(build)
    packages = {"layer": build.layer, **{name: package for name, (package, _) in build.functions.items()}}
    for name, package in packages.items():
        yield from (f"{name}: {fault}" for fault in byte_code_faults(package))
    compiled = [(name, path) for name, package in packages.items() for path in package.rglob("*.so")]
    yield from (f"{name}: {fault}" for name, path in compiled for fault in _platform_faults(build, path))
    if build.runtime != RUNTIME:
        yield f"built for {build.runtime}, and this is {RUNTIME}: run it with that one"
    elif MACHINES[build.architecture] == platform.machine() or not compiled:
        yield from _import_faults(build)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield from _import_faults_elsewhere(build, Path(scratch))


def _layout_faults(build: Build, source: Path) -> Iterator[str]:
    home = source / "layers" / "core" / "python" / "refledger"
    missing = sources(home) - sources(build.layer / "python" / "refledger")
    yield from (f"layer: python/refledger/{path} is missing" for path in sorted(missing))
    if (build.layer / "python" / "python").exists():
        yield "layer: python/python, where nothing is found: ContentUri must be the folder above the package"
    for name, (package, origin) in build.functions.items():
        brings = (origin / "requirements.txt").is_file()
        if different := sorted(sources(origin) - sources(package) if brings else sources(package) ^ sources(origin)):
            yield f"{name}: holds other files than {origin.name}/: {', '.join(different[:5])}"


def sources(package: Path) -> set[str]:
    """All files but byte code, by their path in the package."""
    return {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def _size_faults(build: Build) -> Iterator[str]:
    layer = _size_bytes(build.layer)
    for name, (package, _) in build.functions.items():
        size = layer + _size_bytes(package)
        if size > UNPACKED_LIMIT_BYTES:
            yield f"{name}: {size >> 20} MB with its layer, the limit is {UNPACKED_LIMIT_BYTES >> 20}"


def _size_bytes(package: Path) -> int:
    return sum(path.stat().st_size for path in package.rglob("*") if path.is_file())


def byte_code_faults(package: Path) -> Iterator[str]:
    """Modules without byte code of this Python that is used unchecked, and byte code without a module."""
    expected = set()
    for module in package.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(module)))
        expected.add(compiled)
        head = compiled.read_bytes()[:8] if compiled.exists() else b""
        if head != importlib.util.MAGIC_NUMBER + PEP_552_UNCHECKED:
            yield f"{module.relative_to(package)} has no byte code that {RUNTIME} uses unchecked"
    for stray in sorted(set(package.rglob("*.pyc")) - expected):
        yield f"{stray.relative_to(package)} is no module's byte code"


def _platform_faults(build: Build, compiled: Path) -> Iterator[str]:
    """What a compiled module is for, by header and name: `x.cpython-313-x86_64-linux-gnu.so`, `x.abi3.so`."""
    tags = compiled.name.split(".")[1:-1]
    tag = "cpython-" + build.runtime.removeprefix("python").replace(".", "")
    named = not tags or tags == ["abi3"] or tags[0].startswith(f"{tag}-{MACHINES[build.architecture]}-")
    if not named or _machine(compiled) != build.architecture:
        yield f"{compiled.name} is not for {build.runtime} on {build.architecture}"


def _machine(compiled: Path) -> str | None:
    """Lambda's word for the machine that a compiled module runs on; None for what is no ELF file of a known one."""
    head = compiled.read_bytes()[:20]
    if len(head) < 20 or head[:4] != b"\x7fELF":
        return None
    return ELF_MACHINES.get(struct.unpack("<H" if head[5] == 1 else ">H", head[18:20])[0])


def _import_faults_elsewhere(build: Build, scratch: Path) -> Iterator[str]:
    """Import a copy in which this machine's compiled modules stand for those of the other one."""
    packages = {build.layer, *(package for package, _ in build.functions.values())}
    copies = {package: scratch / package.name for package in packages}
    faults = []
    for package, copy in copies.items():
        shutil.copytree(package, copy, symlinks=True)
        home = copy / "python" if package == build.layer else copy
        faults += [f"{package.name}: {fault}" for fault in _exchange(home)]
    yield from faults
    if not faults:
        functions = {name: (copies[package], origin) for name, (package, origin) in build.functions.items()}
        yield from _import_faults(Build(copies[build.layer], functions, build.runtime, build.architecture))


def _exchange(home: Path) -> Iterator[str]:
    """Put this machine's modules where the other's are. The faults: what is not here, or in another version."""
    for compiled in sorted(home.rglob("*.so")):
        module = compiled.relative_to(home).with_name(compiled.name.split(".")[0])
        here = [path for path in (HERE / module.parent).glob(f"{module.name}.*so") if path.is_file()]
        compiled.unlink()
        if len(here) != 1:
            yield f"{module} cannot be checked: {HERE} has {len(here)} of it"
        else:
            shutil.copy(here[0], compiled.with_name(here[0].name))
    for told in sorted(home.glob("*.dist-info")):
        if (HERE / told.name.split("-")[0]).exists() and not (HERE / told.name).exists():
            yield f"{told.name} cannot be checked: {HERE} has another version"


def _import_faults(build: Build) -> Iterator[str]:
    layer = str(build.layer / "python")
    attempts = [("layer", "", "refledger.entry.http")]
    attempts += [(name, str(package), "app") for name, (package, _) in build.functions.items()]
    for name, function, module in attempts:
        command = [sys.executable, "-I", "-S", "-c", IMPORT, function, layer, module]
        done = subprocess.run(command, capture_output=True, text=True, timeout=IMPORT_LIMIT_SECONDS, env={})
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            yield f"{name}: cannot be imported: {last[0]}"


def main(build: Path, source: Path) -> int:
    if not (build / "template.yaml").is_file():
        print(f"{build} holds no build: run `make build`")
        return 1
    found = read(build, source)
    faults = list(check(found, source))
    summary = (
        f"{len(found.functions)} functions and a layer of {_size_bytes(found.layer) >> 20} MB checked, "
        f"for {found.runtime} on {found.architecture}"
    )
    print(*faults or [summary], sep="\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(ROOT / ".aws-sam" / "build", ROOT))
