"""Standard streams as users have them: full, closed, cut short, in ASCII; and names that are no files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.wheel import build_wheel

WHEELFIX = f"{sys.executable} -m wheelfix"


def shell(command: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "XDG_CACHE_HOME": str(directory / "cache"), **environment},
        check=False,
        timeout=120,
    )


def find_lines(result: subprocess.CompletedProcess[bytes]) -> list[str]:
    return result.stderr.decode().splitlines()


@pytest.mark.parametrize(
    "arguments", ["locate libz.so.1", "locate --json libz.so.1", "index info", "--help", "flake"]
)
@pytest.mark.parametrize(
    ("stream", "why"), [(">/dev/full", "no space left on device"), (">&-", "bad file descriptor")]
)
def test_output_that_goes_nowhere_is_an_error(tmp_path: Path, arguments: str, stream: str, why: str) -> None:
    result = shell(f"{WHEELFIX} {arguments} {stream}", tmp_path)
    assert result.returncode == 5
    assert find_lines(result) == [
        f"wheelfix: standard output: cannot be written ({why})",
        "hint: make room, or send it elsewhere",
    ]


def test_a_scan_into_a_full_disk(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, files={"demo.py": b""}, tag="py3-none-any")
    for options in ("", "--json", "--quiet"):
        result = shell(f"{WHEELFIX} scan {options} {wheel} >/dev/full", tmp_path)
        assert (result.returncode, len(find_lines(result))) == (5, 2)


def test_the_output_of_an_explained_command_is_not_lost_in_silence(tmp_path: Path) -> None:
    result = shell(f"{WHEELFIX} explain -- echo x >/dev/full", tmp_path)
    assert (result.returncode, len(find_lines(result))) == (5, 2)


@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-", "2>&- >&-", "<&-"])
def test_messages_that_nobody_can_read_change_no_exit_code(tmp_path: Path, stream: str) -> None:
    result = shell(f"{WHEELFIX} locate --index /nonexistent libz.so.1 {stream}", tmp_path)
    assert (result.returncode, result.stdout) == (4, b"")


def test_a_reader_that_has_enough(tmp_path: Path) -> None:
    result = shell(f"{WHEELFIX} locate --regex . | head -n 1", tmp_path)
    assert result.returncode == 141
    assert result.stderr == b""
    assert len(result.stdout.splitlines()) == 1


def test_ascii_output(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, files={"demö.py": b""}, tag="py3-none-any", name="demo")
    (tmp_path / "dé").mkdir()
    for command in (
        f"scan {wheel}",
        "locate 'libé.so.1'",
        "locate --all libz.so.1",
        "explain nöwhere",
        "scan dé",
        "index info",
        "--help",
    ):
        result = shell(f"{WHEELFIX} {command}", tmp_path, PYTHONIOENCODING="ascii", LC_ALL="C")
        assert b"Traceback" not in result.stderr
        assert result.returncode in {0, 1, 3}


def test_products_are_utf8_wherever_they_go(tmp_path: Path) -> None:
    wheel = build_wheel(
        tmp_path, files={}, metadata="Name: demo\nVersion: 1.0\nSummary: é\n".encode(), tag="py3-none-any"
    )
    command = f"{WHEELFIX} override --dialect nixpkgs {wheel}"
    ascii_output = shell(command, tmp_path, PYTHONIOENCODING="ascii").stdout
    assert ascii_output == shell(command, tmp_path, PYTHONIOENCODING="utf-8").stdout
    assert ascii_output.decode("utf-8") != ""


@pytest.mark.parametrize(
    "command",
    [
        "locate {bad}",
        "locate --json 'lib*{bad}'",
        "locate --regex {bad}",
        "locate --prefer {bad} libz.so.1",
        "locate --any-file --index {bad} x",
        "scan {bad}",
        "scan --with {bad} {bad}",
        "scan --platform {bad} x==1",
        "override {bad}",
        "override --check {bad} {bad}",
        "patch {bad} -o {bad}",
        "report {bad}",
        "verify {bad} {bad}",
        "explain {bad}",
        "lock {bad}",
        "cargo {bad}",
        "adapter {bad} --from python3Packages.{bad}",
        "env {bad}",
        "flake --nixpkgs {bad}",
        "flake --systems {bad}",
        "index build --from {bad}",
        "index update --url {bad}",
        "index build --from-store {bad} -o {bad}",
        "{bad}",
    ],
)
def test_arguments_that_are_no_utf8(tmp_path: Path, command: str) -> None:
    result = shell(
        f"{WHEELFIX} {command.format(bad=chr(36) + chr(39) + chr(92) + 'xff' + chr(39))}", tmp_path
    )
    assert b"Traceback" not in result.stderr
    assert result.returncode in {0, 1, 2, 3, 4, 5}
    if "--json" in command:
        json.loads(result.stdout)


@pytest.mark.parametrize("name", ["fifo", "/dev/zero", "."])
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("override --check {} demo.whl", 3),
        ("locate --index {} libz.so.1", 4),
        ("locate --any-file --index {} x", 4),
        ("index build --from {}", 4),
        ("lock {}", 3),
        ("explain {}", 3),
        ("lock uv.lock --quiet --check -o {}", 3),
        ("scan {}/x.whl --with {}", 3),
        ("report {}", 3),
        ("cargo link/sdist.tar.gz", 3),
        ("cargo sdist --lock {}", 3),
    ],
)
def test_names_that_are_no_files_are_refused_without_waiting(
    tmp_path: Path, name: str, command: str, code: int
) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "uv.lock").write_text('version = 1\nrequires-python = ">=3.12"\n')
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "sdist.tar.gz").symlink_to(tmp_path / name)
    (tmp_path / "sdist").mkdir()
    (tmp_path / "sdist" / "PKG-INFO").write_text("Name: demo\nVersion: 1.0\n")
    (tmp_path / "sdist" / "Cargo.toml").write_text('[package]\nname = "demo"\nversion = "1.0.0"\n')
    (tmp_path / "sdist" / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'
    )
    result = shell(f"{WHEELFIX} {command.format(name, name)}", tmp_path)
    assert (result.returncode, len(find_lines(result))) == (code, 2), find_lines(result)
    assert find_lines(result)[0].startswith("wheelfix: ")


def test_explain_reads_what_a_command_writes_into_a_pipe(tmp_path: Path) -> None:
    message = "ImportError: libtbb.so.12: cannot open shared object file: No such file or directory"
    substituted = shell(f"{WHEELFIX} explain --json <(echo '{message}')", tmp_path)
    os.mkfifo(tmp_path / "fifo")
    named = shell(f"(echo '{message}' > fifo) & {WHEELFIX} explain --json fifo", tmp_path)
    assert substituted.stdout == named.stdout
    assert json.loads(named.stdout)["build_inputs"] == ["onetbb"]


@pytest.mark.parametrize(
    "command",
    ["flake", "override demo.whl", "report demo.whl", "lock uv.lock", "index build --from-store store"],
)
def test_output_files_by_one_rule(tmp_path: Path, command: str) -> None:
    build_wheel(tmp_path, files={"demo.py": b""}, tag="py3-none-any").rename(
        tmp_path / "demo-1.0-py3-none-any.whl"
    )
    command = command.replace("demo.whl", "demo-1.0-py3-none-any.whl")
    (tmp_path / "uv.lock").write_text('version = 1\nrequires-python = ">=3.12"\n')
    (tmp_path / "store" / f"{'a' * 32}-demo-1.0").mkdir(parents=True)
    (tmp_path / "file").write_text("old")
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "fifo")
    assert shell(f"{WHEELFIX} {command} -o /dev/null; test -c /dev/null", tmp_path).returncode == 0
    assert shell(f"{WHEELFIX} {command} -o link; test -L link", tmp_path).returncode == 0
    written = (tmp_path / "file").read_bytes()
    assert written != b"old"
    piped = shell(f"cat fifo & {WHEELFIX} {command} -o fifo >&2; wait; test -p fifo", tmp_path)
    assert (piped.returncode, len(piped.stdout)) == (0, len(written))
    assert shell(f"{WHEELFIX} {command} -o /dev/full", tmp_path).returncode == 5


def without_override(command: str) -> str:
    """A command that root's permissions do not help."""
    if os.geteuid():
        return command
    return f"setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all {command}"


@pytest.mark.parametrize(
    "command",
    [
        "scan venv",
        "scan venv/bin/python",
        "report venv -o r.html",
        "patch venv --libs . --dry-run",
        "patch venv --libs secret/lib",
        "scan secret/x.whl",
        "scan secret",
        "locate --index secret/x libz.so.1",
        "lock secret/uv.lock",
        "explain secret/x",
        "override --check secret/x venv",
        "verify secret/a secret/b",
        "scan --with secret/x venv",
        "scan --against secret/x venv",
        "env secret/x",
        "cargo secret/x.tar.gz",
        "adapter secret/x.whl --from python3Packages.x",
        "index build --from secret/x",
        "flake -o secret/x",
        "override secret/x.whl",
        "index build --from-store secret/x -o y",
        "",
    ],
)
def test_what_may_not_be_looked_at(tmp_path: Path, command: str) -> None:
    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    site.mkdir(parents=True)
    (site / "x.py").write_text("import ctypes\n")
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "bin" / "python").symlink_to(tmp_path / "secret" / "python")
    (tmp_path / "venv" / "bin" / "python3").symlink_to("python")
    (tmp_path / "venv" / "pyvenv.cfg").write_text(f"home = {tmp_path}/secret\n")
    (tmp_path / "secret").mkdir(mode=0)
    try:
        result = shell(without_override(f"{WHEELFIX} {command}"), tmp_path)
    finally:
        (tmp_path / "secret").chmod(0o700)
    assert b"Traceback" not in result.stderr
    assert result.returncode in {0, 3, 4, 5}
    assert len(find_lines(result)) == (2 if result.returncode else 0), find_lines(result)
