"""Completes what `sam build` made: byte code for every module, and the platform that all of it is good for.

`sam build` ships sources only. Lambda cannot keep what it compiles, so every cold start would compile it all
again, and take three to four times as long to import. The byte code here is of the kind that is never held
against its source (PEP 552, unchecked-hash): the time stamps that a zip file changes do not matter.

Byte code, and the compiled parts of the layer, are good for one version of Python and one kind of machine.
The built template allows nothing else: CloudFormation keeps a parameter's previous value where none is sent, and a
default would not reach it. With one allowed value it refuses, instead of running functions whose imports fail.
Run this with the interpreter that was built for.
"""

from __future__ import annotations

import compileall
import re
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".aws-sam" / "build"
LAYER_HOME, FUNCTION_HOME = "/opt", "/var/task"  # where Lambda unpacks them: what tracebacks then say
RUNTIME = "python{}.{}".format(*sys.version_info)
ARCHITECTURES = {"-x86_64-linux-": "x86_64", "-aarch64-linux-": "arm64"}


def compile_all(build: Path) -> list[str]:
    """Compile every module of every package; returns the packages where something could not be compiled."""
    failed = []
    for package in sorted(path for path in build.iterdir() if path.is_dir()):
        compiled = compileall.compile_dir(
            package,
            quiet=1,
            force=True,
            workers=0,
            stripdir=package,
            prependdir=LAYER_HOME if (package / "python").is_dir() else FUNCTION_HOME,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
        if not compiled:
            failed.append(package.name)
    return failed


def architecture(build: Path) -> str | None:
    """What the compiled modules are for, by their names; None where there are none."""
    names = " ".join(path.name for path in build.rglob("*.so"))
    return next((word for tag, word in ARCHITECTURES.items() if tag in names), None)


def pin(template: str, parameter: str, value: str) -> str:
    """The template with a parameter that is this value and may be no other. Raises ValueError where it has none."""
    declared = re.compile(rf"(?m)^  {parameter}:\n(?:    .*\n)+")
    found = declared.findall(template)
    if len(found) != 1 or "    Default: " not in found[0] or "    AllowedValues:" not in found[0]:
        raise ValueError(f"the built template has no parameter {parameter} with a default and allowed values")
    pinned = re.sub(r"(?m)^    Default: .*$", f"    Default: {value}", found[0])
    pinned = re.sub(r"(?m)^    AllowedValues:.*\n(?:    - .*\n)*", f"    AllowedValues: [{value}]\n", pinned)
    return template.replace(found[0], pinned)


def main() -> int:
    path = BUILD / "template.yaml"
    if not path.is_file():
        print(f"{path} is not there: run `make build`")
        return 1
    failed = compile_all(BUILD)
    template = pin(path.read_text(encoding="utf-8"), "PythonRuntime", RUNTIME)
    if found := architecture(BUILD):
        template = pin(template, "Architecture", found)
    path.write_text(template, encoding="utf-8")
    print(*[f"not compiled: {name}" for name in failed] or [f"byte code for {RUNTIME} added"], sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
