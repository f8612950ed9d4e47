"""``wheelfix try``: what fails where NixOS has nothing is told, and nothing else; no code is left running."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.documents import check_document
from tests.support.elf import build_elf
from tests.support.pythons import Environment
from tests.support.sessions import wait_until
from tests.support.trial import SUFFIX, add_distribution, build_module, make_environment
from wheelfix.cli import cli
from wheelfix.trial import imports

HOST = "libstdc++.so.6"
"""A library that every machine with a compiler has, that NixOS has not in /usr/lib, and Python needs not."""


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    return make_environment(tmp_path / "env")


def try_it(environment: Environment | Path | str, *arguments: str) -> Result:
    path = environment.python.parents[1] if isinstance(environment, Environment) else environment
    return CliRunner().invoke(cli, ["try", str(path), *arguments], catch_exceptions=False)


def list_tried(environment: Environment, *arguments: str) -> dict[str, Any]:
    """The modules that were tried, by name, as the document has them."""
    document = check_document(try_it(environment, "--json", *arguments).stdout)
    return {one["module"]: one for one in document["tried"]}


def need_host(tmp_path: Path) -> dict[str, bytes | str]:
    """A package that opens a file of its own, which needs a library of this system."""
    return {
        "wanting/__init__.py": "import ctypes, os\nctypes.CDLL(os.path.dirname(__file__) + '/inner.so')\n",
        "wanting/inner.so": build_elf(tmp_path / "work", "inner.so", needed=[HOST]),
    }


def test_what_imports_is_said_and_that_code_was_run(environment: Environment, tmp_path: Path) -> None:
    add_distribution(environment, tmp_path / "work", "demo", {"demo/__init__.py": "", "other.py": ""})
    result = try_it(environment)
    assert result.exit_code == 0, result.output
    assert "2 of 2 modules import in a namespace like NixOS (1 distribution, Python " in result.stdout
    assert "try runs the code of the packages" in result.stderr
    assert try_it(environment, "--quiet").stderr == ""


def test_a_library_of_this_system_is_missing_in_the_namespace(
    environment: Environment, tmp_path: Path
) -> None:
    add_distribution(environment, tmp_path / "work", "wanting", need_host(tmp_path))
    result = try_it(environment)
    assert result.exit_code == 1
    assert f"{HOST}  provided: stdenv.cc.cc.lib has /lib/{HOST}" in result.stdout
    assert "wanting 1.0: wanting" in result.stdout
    assert f"OSError: {HOST}: cannot open shared object file" in result.stdout
    assert f"  wheelfix patch {environment.python.parents[1]}\n" in result.stdout
    assert environment.do("import wanting") == "", "it is the namespace that lacks it"


def test_without_bubblewrap_it_says_so_and_takes_this_system(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_distribution(environment, tmp_path / "work", "wanting", need_host(tmp_path))
    monkeypatch.setenv("PATH", str(environment.python.parent))
    result = try_it(environment, "--quiet")
    assert result.exit_code == 0, result.output
    assert "warning: a namespace cannot be had: bwrap is not installed" in result.stderr
    assert "on this system, without a namespace" in result.stdout
    document = check_document(try_it(environment, "--json").stdout)
    assert document["namespace"] is False
    assert [one["level"] for one in document["findings"]] == ["warning"]


def test_a_python_that_wants_more_of_this_system_is_told_apart(
    environment: Environment, tmp_path: Path
) -> None:
    add_distribution(environment, tmp_path / "work", "demo", {"demo.py": ""})
    python = environment.python
    real = python.resolve()
    python.unlink()
    python.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    python.chmod(0o755)
    result = try_it(environment, "--quiet")
    assert "warning: a namespace is not enough for this Python to start: bwrap says: " in result.stderr
    assert "on this system, without a namespace" in result.stdout


def test_a_bubblewrap_that_makes_no_namespaces_is_quoted(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_distribution(environment, tmp_path / "work", "demo", {"demo.py": ""})
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    result = try_it(environment)
    assert result.exit_code == 0
    assert "bwrap says: bwrap: No permissions to create new namespace" in result.stderr
    assert "on this system as it is" in result.stderr


ENDINGS = {
    "crashing": ("import ctypes\nctypes.string_at(0)\n", "crash", signal.SIGSEGV),
    "leaving": ("import os\nos._exit(7)\n", "exit", 7),
    "seeming": ("import os\nos._exit(0)\n", "exit", 0),
    "hanging": ("import time\ntime.sleep(600)\n", "timeout", None),
    "stopping": ("raise SystemExit(0)\n", "error", None),
    "interrupting": ("raise KeyboardInterrupt\n", "error", None),
    "optional": ("import nowhere_to_be_found\n", "uninstalled", None),
    "plain": ("1 / 0\n", "error", None),
    "chatting": ("import os\nwhile True: os.write(1, b'x' * 65536)\n", "timeout", None),
    "rude": ("class E(Exception):\n  def __str__(self): raise SystemExit\nraise E\n", "error", None),
    "surrogate": ("raise ValueError('\\udc80\\x1b[2J')\n", "error", None),
    "fine": ("", "imported", None),
}


@pytest.mark.parametrize("isolated", [True, False])
def test_no_module_spoils_the_others(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolated: bool
) -> None:
    monkeypatch.setattr(imports, "SECONDS", 2.0)
    if not isolated:
        monkeypatch.setenv("PATH", str(environment.python.parent))
    for name, (code, _, _) in ENDINGS.items():
        add_distribution(environment, tmp_path / "work", name, {f"{name}.py": code})
    tried = list_tried(environment)
    found = {name: (one["outcome"], one["code"]) for name, one in tried.items()}
    assert found == {name: (outcome, code) for name, (_, outcome, code) in ENDINGS.items()}
    counting = {name for name, one in tried.items() if one["counts"]}
    assert counting == ENDINGS.keys() - {"fine", "optional"}
    assert tried["plain"]["error"] == "ZeroDivisionError: division by zero"
    assert "crashing.py" in tried["crashing"]["output"], "it is told where"
    shown = try_it(environment, "--only", "s*", "--only", "crash*").stdout
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert "the process was ended by SIGSEGV" in shown


def test_a_module_that_is_required_counts(environment: Environment, tmp_path: Path) -> None:
    files = {"demo.py": "import nowhere_to_be_found\n"}
    add_distribution(environment, tmp_path / "work", "demo", files, requires=["nowhere-to-be-found>=1"])
    result = try_it(environment)
    assert result.exit_code == 1
    assert "No installed distribution has it, and demo requires it." in result.stdout
    assert " install nowhere-to-be-found\n" in result.stdout


def test_compiled_modules_are_found_by_themselves_before_and_after_a_patch(
    environment: Environment, tmp_path: Path
) -> None:
    files: dict[str, bytes | str] = {
        "demo/__init__.py": "",
        f"demo/loose{SUFFIX}": build_module(tmp_path / "work", "loose"),
        f"demo/pool{SUFFIX}": build_module(tmp_path / "work", "pool", ["libtbb.so.12"]),
        f"demo/last{SUFFIX}": build_module(tmp_path / "work", "last"),
        "demo/ending.py": "",
    }
    add_distribution(environment, tmp_path / "work", "demo", files)
    before = list_tried(environment)
    assert {name: one["outcome"] for name, one in before.items()} == {
        "demo": "imported",
        "demo.loose": "imported",
        "demo.pool": "library",
        "demo.last": "imported",
    }
    (missing,) = before["demo.pool"]["missing"]
    assert (missing["soname"], missing["providers"][0]["attr"]) == ("libtbb.so.12", "onetbb")

    libs = tmp_path / "libs"
    libs.mkdir()
    (libs / "libtbb.so.12").write_bytes(build_elf(tmp_path / "work", "libtbb.so.12", soname="libtbb.so.12"))
    root = str(environment.python.parents[1])
    patched = CliRunner().invoke(cli, ["patch", root, "--libs", str(libs)], catch_exceptions=False)
    assert patched.exit_code == 0, patched.output
    after = try_it(environment)
    assert after.exit_code == 0, after.output
    assert "4 of 4 modules import" in after.stdout

    (libs / "libtbb.so.12").unlink()
    again = try_it(environment)
    assert again.exit_code == 1
    assert "It was patched before" in again.stdout


def test_what_is_opened_by_name_is_found_after_a_patch(environment: Environment, tmp_path: Path) -> None:
    files = {"demo.py": "import ctypes\nctypes.CDLL('libmagic.so.1')\n"}
    add_distribution(environment, tmp_path / "work", "demo", files)
    assert list_tried(environment)["demo"]["missing"][0]["providers"][0]["attr"] == "file"
    libs = tmp_path / "libs"
    libs.mkdir()
    (libs / "libmagic.so.1").write_bytes(build_elf(tmp_path / "work", "x.so", soname="libmagic.so.1"))
    root = str(environment.python.parents[1])
    CliRunner().invoke(cli, ["patch", root, "--libs", str(libs)], catch_exceptions=False)
    assert try_it(environment).exit_code == 0


def test_an_error_of_a_package_that_lacks_libraries_names_them(
    environment: Environment, tmp_path: Path
) -> None:
    code = (
        "import ctypes\ntry:\n  ctypes.CDLL('libmagic.so.1')\nexcept OSError:\n  lost = True\n"
        "if lost:\n  raise RuntimeError('\\nno luck today\\n\\nsee the manual\\n')\n"
    )
    add_distribution(environment, tmp_path / "work", "inner", {"inner.py": code})
    add_distribution(environment, tmp_path / "work", "outer", {"outer.py": "import inner\n"})
    tried = list_tried(environment)
    for name in ("inner", "outer"):
        assert tried[name]["outcome"] == "error"
        assert tried[name]["error"] == "RuntimeError: … see the manual"
        assert [one["soname"] for one in tried[name]["missing"]] == ["libmagic.so.1"], "it raised it"
    shown = try_it(environment).stdout
    assert "It lacks libraries, which may be why:\n  libmagic.so.1  provided: file has" in shown
    assert f"  wheelfix patch {environment.python.parents[1]}\n" in shown


def test_libraries_of_a_driver_count_where_there_is_one(environment: Environment, tmp_path: Path) -> None:
    add_distribution(
        environment, tmp_path / "work", "demo", {"demo.py": "import ctypes\nctypes.CDLL('libcuda.so.1')"}
    )
    assert list_tried(environment)["demo"]["outcome"] == "driver"
    assert list_tried(environment)["demo"]["counts"] == Path("/run/opengl-driver/lib").is_dir()


SURROUNDINGS = """
import os, socket, sys
assert not any(map(os.path.exists, ["/usr/lib/locale", "/bin/ls", "/usr/bin/gcc", "/etc/ld.so.cache"]))
assert os.listdir(os.environ["HOME"]) == [] and os.getcwd() == os.environ["HOME"]
assert not {"LD_LIBRARY_PATH", "PYTHONPATH", "SECRET"} & os.environ.keys()
assert os.environ["LANG"] == "C.UTF-8" and os.environ["NIX_LD"] == "/there"
open(os.environ["HOME"] + "/mine", "w").close()
assert sys.stdin.read() == "" and sys.argv == ["-c"]
try:
    open(__file__, "a")
except OSError:
    pass
else:
    raise AssertionError("writable")
try:
    socket.create_connection(("127.0.0.1", int(open(os.path.dirname(__file__) + "/port").read())), 3)
except OSError:
    pass
else:
    raise AssertionError("a network")
"""


def test_the_namespace_is_like_nixos(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    for name in ("LD_LIBRARY_PATH", "PYTHONPATH", "SECRET"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NIX_LD", "/there")
    with socket.create_server(("127.0.0.1", 0)) as server:
        files = {"demo.py": SURROUNDINGS, "port": str(server.getsockname()[1])}
        add_distribution(environment, tmp_path / "work", "demo", files)
        tried = list_tried(environment)
    assert tried["demo"]["outcome"] == "imported", tried["demo"]["output"]
    assert not list(environment.site.rglob("__pycache__"))


def test_an_interpreter_of_the_system_has_what_it_needs_itself(tmp_path: Path) -> None:
    environment = make_environment(tmp_path / "env", "/usr/bin/python3")
    add_distribution(
        environment, tmp_path / "work", "demo", {"demo.py": "import ssl, sqlite3, ctypes, lzma\n"}
    )
    document = check_document(try_it(environment, "--json").stdout)
    assert [one["outcome"] for one in document["tried"]] == ["imported"], document["tried"]
    assert any(name.startswith("libssl.so") for name in document["borrowed"])
    assert "libc.so.6" not in document["borrowed"]
    assert "a package that lacks one of these is not found out" in " ".join(
        try_it(environment).stdout.split()
    )


DAEMON = """
import os, subprocess
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv("{python}", ["python", "-c", "import time; time.sleep(600)", "{mark}"])
    os._exit(0)
"""


@pytest.mark.parametrize("isolated", [True, False])
def test_nothing_that_a_module_starts_is_left_running(
    environment: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, isolated: bool
) -> None:
    if not isolated:
        monkeypatch.setenv("PATH", str(environment.python.parent))
    mark = f"daemon-of-{os.getpid()}-{isolated}"
    code = DAEMON.format(python=environment.python, mark=mark)
    add_distribution(environment, tmp_path / "work", "demo", {"demo.py": code})
    started = time.monotonic()
    assert list_tried(environment)["demo"]["outcome"] == "imported"
    assert time.monotonic() - started < 30
    assert wait_until(lambda: not list(find_processes(mark)))


def find_processes(word: str) -> Iterator[int]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word.encode() in path.read_bytes().split(b"\0"):
                yield int(path.parent.name)
        except OSError:
            pass


def test_an_interrupt_ends_it_with_what_it_started(environment: Environment, tmp_path: Path) -> None:
    mark = f"sleeper_of_{os.getpid()}"
    files = {f"{mark}.py": "import time\ntime.sleep(600)\n"}
    add_distribution(environment, tmp_path / "work", "demo", files)
    command = [sys.executable, "-m", "wheelfix", "try", str(environment.python.parents[1])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert wait_until(lambda: bool(list(find_processes(mark))))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert wait_until(lambda: not list(find_processes(mark)))


def test_names_that_are_no_modules_are_not_imported(environment: Environment, tmp_path: Path) -> None:
    names = ["a b.py", "--help.py", "x\x1b[2J.py", "__import__('os').py", "a-b/__init__.py", "setup.py"]
    files = dict.fromkeys(names, "raise SystemExit(3)\n")
    add_distribution(environment, tmp_path / "work", "demo", {**files, "demo.py": ""})
    assert list(list_tried(environment)) == ["demo"]


def test_editable_installs_are_imported_from_their_projects(environment: Environment, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "src" / "mine").mkdir(parents=True)
    (project / "src" / "mine" / "__init__.py").touch()
    (project / "setup.py").write_text("raise SystemExit(3)\n")
    info = {"url": project.as_uri(), "dir_info": {"editable": True}}
    files = {"mine.pth": f"{project}/src\n", "mine-1.0.dist-info/direct_url.json": json.dumps(info)}
    add_distribution(environment, tmp_path / "work", "mine", files)
    assert {name: one["outcome"] for name, one in list_tried(environment).items()} == {"mine": "imported"}


def test_only_and_exclude_choose_distributions(environment: Environment, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        add_distribution(environment, tmp_path / "work", name, {f"{name}.py": ""})
    assert list(list_tried(environment, "--only", "t*", "--exclude", "three")) == ["two"]
    result = try_it(environment, "--only", "thre")
    assert result.exit_code == 3
    assert "thre: matches no distribution that is installed" in result.stderr
    assert "hint: write three" in result.stderr


def test_what_is_no_environment_is_refused(environment: Environment, tmp_path: Path) -> None:
    empty = try_it(environment)
    assert empty.exit_code == 3
    assert "has no distributions that can be read" in empty.stderr
    (tmp_path / "demo-1.0-py3-none-any.whl").write_bytes(b"PK\x03\x04")
    wheel = try_it(tmp_path / "demo-1.0-py3-none-any.whl")
    assert wheel.exit_code == 3
    assert "is a wheel, which `wheelfix try` does not take" in wheel.stderr
    site = try_it(environment.site)
    assert (site.exit_code, "has no distributions that can be read" in site.stderr) == (3, True)
    add_distribution(environment, tmp_path / "work", "demo", {"demo.py": ""})
    shutil.copytree(environment.site, tmp_path / "target")
    target = try_it(tmp_path / "target")
    assert target.exit_code == 3
    assert "has no bin/python to import with" in target.stderr


def test_a_python_that_is_gone_or_does_not_start_is_told(environment: Environment, tmp_path: Path) -> None:
    add_distribution(environment, tmp_path / "work", "demo", {"demo.py": ""})
    environment.python.unlink()
    environment.python.symlink_to("/nowhere/python3")
    gone = try_it(environment)
    assert gone.exit_code == 5
    assert "leads nowhere: its Python is gone" in gone.stderr
    environment.python.unlink()
    environment.python.write_text("#!/bin/sh\necho broken >&2\nexit 9\n")
    environment.python.chmod(0o755)
    broken = try_it(environment)
    assert broken.exit_code == 5
    assert "does not start: " in broken.stderr
    assert "broken" in broken.stderr


def test_two_runs_say_the_same(environment: Environment, tmp_path: Path) -> None:
    add_distribution(environment, tmp_path / "work", "wanting", need_host(tmp_path))
    for name in ("plain", "stopping"):
        add_distribution(environment, tmp_path / "work", name, {f"{name}.py": ENDINGS[name][0]})
    first, second = (try_it(environment, "--json").stdout for _ in range(2))
    assert first == second
