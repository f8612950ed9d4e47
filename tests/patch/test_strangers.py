"""What somebody else put into an environment directs nothing: no links, and nothing like a manifest."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.mounts import run_mounted
from tests.support.patch import read
from tests.support.patched import build_members, build_wheel, find_installed_lies, install, snapshot
from tests.support.steps import count_steps
from wheelfix.errors import ApplyError, EditRefused, InputError
from wheelfix.patch.environment import patch_environment
from wheelfix.patch.model import ElfEdit
from wheelfix.patch.state_directory import open_roots
from wheelfix.patch.undo import undo_environment

EDIT = ElfEdit(add_run_path=("/nix/store/" + "a" * 32 + "-outer/lib",))
EDITS = {f"demo/x{n}.so": EDIT for n in range(3)}
SITE = "lib/python3.12/site-packages"
X0 = f"{SITE}/demo/x0.so"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    install(build_wheel(tmp_path, files=build_members(tmp_path / "work")), tmp_path / "env")
    return tmp_path / "env"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Somebody's files, that no run may touch."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "changes.jsonl").write_text("thesis")
    shutil.copytree(tmp_path / "home", tmp_path / "home" / "new")
    return tmp_path / "home"


def link(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def link_to_file(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "changes.jsonl")


def hard_link(path: Path, outside: Path) -> None:
    path.hardlink_to(outside / "changes.jsonl")


def fifo(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def directory(path: Path, outside: Path) -> None:
    path.mkdir()


STRANGE: list[tuple[str, Callable[[Path, Path], None]]] = [
    (".wheelfix", link),
    (".wheelfix", link_to_file),
    (".wheelfix", fifo),
    (".wheelfix/new", link),
    (".wheelfix/new", fifo),
    (".wheelfix/new", hard_link),
    (".wheelfix/changes.jsonl", link_to_file),
    (".wheelfix/changes.jsonl", hard_link),
    (".wheelfix/changes.jsonl", fifo),
    (".wheelfix/changes.jsonl", directory),
]


@pytest.mark.parametrize(("name", "make"), STRANGE)
def test_what_is_no_part_of_a_manifest_is_refused_and_nothing_followed(
    environment: Path, outside: Path, name: str, make: Callable[[Path, Path], None]
) -> None:
    before, files = snapshot(outside), snapshot(environment)
    (environment / name).parent.mkdir(exist_ok=True)
    make(environment / name, outside)
    for work in (lambda: patch_environment(environment, EDITS), lambda: undo_environment(environment)):
        with pytest.raises(InputError) as caught:
            work()
        assert caught.value.subject == str(environment / name)
        assert caught.value.hint
        assert snapshot(outside) == before
        assert snapshot(environment) == files


@pytest.mark.parametrize("make", [link, fifo])
def test_roots_are_made_in_a_directory_of_wheelfix_alone(
    environment: Path, outside: Path, make: Callable[[Path, Path], None]
) -> None:
    before = snapshot(outside)
    for name in (".wheelfix", ".wheelfix/roots"):
        shutil.rmtree(environment / ".wheelfix", ignore_errors=True)
        (environment / name).parent.mkdir(exist_ok=True)
        make(environment / name, outside)
        with pytest.raises(InputError), open_roots(environment):
            pass
        (environment / name).unlink()
    assert snapshot(outside) == before
    with open_roots(environment / "new" / "place") as roots:
        assert roots.is_dir()


def test_a_manifest_of_somebody_else_is_refused(environment: Path) -> None:
    code = f"""
    mkdir {environment}/.wheelfix
    if [ "$(stat -c %u {environment})" = "$(stat -c %u /)" ]
    then chown 12345 {environment}/.wheelfix
    else mount --bind / {environment}/.wheelfix
    fi
    {sys.executable} -m wheelfix patch {environment} --undo
    """
    result = run_mounted(code)
    assert (result.returncode, result.stdout) == (3, "")
    assert "belongs to user" in result.stderr


def change(environment: Path, **fields: object) -> bytes:
    """A line of a manifest for ``x0.so`` as it is, in the spelling that wheelfix writes."""
    now = hashlib.sha256((environment / X0).read_bytes()).hexdigest()
    row = {"path": X0, "old": "0" * 64, "new": now, "old_size": 10, "originals": [], "mtime_ns": 0} | fields
    return json.dumps(row, separators=(",", ":")).encode() + b"\n"


def write_manifest(environment: Path, *lines: bytes) -> None:
    (environment / ".wheelfix").mkdir()
    (environment / ".wheelfix" / "changes.jsonl").write_bytes(b"".join(lines))


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


def run(environment: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``wheelfix patch`` with no more memory than 1 GB."""
    limited = ["sh", "-c", 'ulimit -v 1048576; exec "$@"', "sh", sys.executable, "-m", "wheelfix", "patch"]
    command = [*limited, str(environment), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


DAMAGED = {
    "deep": b"[" * 100_000,
    "many ranges": (
        b'{"path":"x","old":"%b","new":"%b","old_size":1,"mtime_ns":0,"originals":[' % (b"0" * 64, b"1" * 64)
        + b'[0,""],' * 10_000_000
        + b'[0,""]]}'
    ),
    "deep below a known key": b'{"path":"x","originals":' + b"[" * 10_000_000,
    "deep below another key": b'{"path":"x","more":' + b'{"a":' * 10_000_000,
    "infinite": b"1e999",
    "long number": b"9" * 100_000,
    "not UTF-8": b"\xff",
    "empty": b"",
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_line_that_wheelfix_never_wrote_is_an_error_of_one_line(environment: Path, case: str) -> None:
    files = snapshot(environment)
    write_manifest(environment, DAMAGED[case] + b"\n")
    for arguments in (["--undo"], ["--libs", str(environment / SITE / "demo.libs")]):
        result = run(environment, *arguments)
        assert result.returncode == 5, result.stderr
        lines = [line for line in result.stderr.splitlines() if line.startswith(("wheelfix:", "hint:"))]
        assert len(lines) == 2
        assert "changes.jsonl:1: is damaged" in lines[0]
        assert "Traceback" not in result.stderr
    assert snapshot(environment) == files


@pytest.mark.parametrize(
    "fields",
    [
        {"path": "/etc/passwd"},
        {"path": "lib/../../x"},
        {"path": "lib//x"},
        {"path": "./x"},
        {"path": ".wheelfix/changes.jsonl"},
        {"path": "a\0b"},
        {"path": "\ud800"},
        {"old": "0" * 63},
        {"new": "G" * 64},
        {"old_size": 10**30},
        {"old_size": -1},
        {"mtime_ns": 10**30},
        {"mtime_ns": 1.5},
        {"originals": [[10**30, ""]]},
        {"originals": [[0, "*"]]},
        {"originals": [[0, "abc"]]},
        {"originals": [[0, "", 0]]},
        {"originals": [[True, ""]]},
        {"originals": {}},
        {"originals": None},
        {"old": "0" * 64 + "\n"},
        {"mtime_ns": float("nan")},
        {"more": [[[]]]},
    ],
)
def test_fields_that_wheelfix_never_wrote(environment: Path, fields: dict[str, object]) -> None:
    write_manifest(environment, change(environment, **fields))
    with pytest.raises(ApplyError, match="is damaged"):
        undo_environment(environment)


@pytest.mark.parametrize(
    "fields",
    [
        {"old_size": 4 << 40},
        {"old_size": 1 << 20},
        {"originals": [[0, packed(bytes(1 << 30))]]},
        {"originals": [[5, packed(bytes(6))]]},
        {"originals": [[10**17, packed(b"x")]]},
        {"originals": [[0, base64.b64encode(b"no zlib").decode()]]},
    ],
    ids=["4 TB", "longer than the file", "bomb", "beyond", "far beyond", "no zlib"],
)
def test_sizes_that_no_file_has_change_nothing(environment: Path, fields: dict[str, object]) -> None:
    files = snapshot(environment)
    write_manifest(environment, change(environment, **fields))
    result = run(environment, "--undo")
    assert result.returncode == 0, result.stderr
    assert "x0.so: cannot be restored: the manifest does not fit it" in result.stdout
    assert snapshot(environment) == files


def test_a_manifest_too_long_to_read_is_refused(environment: Path) -> None:
    write_manifest(environment)
    os.truncate(environment / ".wheelfix" / "changes.jsonl", 1 << 40)
    result = run(environment, "--undo")
    assert result.returncode == 5
    assert "has more than" in result.stderr


def test_undo_writes_nothing_that_is_not_the_reverse_of_an_edit(environment: Path) -> None:
    data = (environment / X0).read_bytes()
    at = data.index(bytes.fromhex("b82a000000"))  # mov $42, %eax
    other = data[:at] + bytes.fromhex("b82b000000") + data[at + 5 :]
    lies = [
        change(
            environment,
            old=hashlib.sha256(other).hexdigest(),
            old_size=len(data),
            originals=[[at, packed(other[at : at + 5])]],
        )
    ]
    record = f"{SITE}/demo-1.0.dist-info/RECORD"
    for path, wanted in ((f"{SITE}/demo/__init__.py", b"import os\n"), (record, b"")):
        now = (environment / path).read_bytes()
        lies.append(
            change(
                environment,
                path=path,
                old=hashlib.sha256(wanted).hexdigest(),
                new=hashlib.sha256(now).hexdigest(),
                old_size=len(wanted),
                originals=[[0, packed(wanted)]] if wanted else [],
            )
        )
    files = snapshot(environment)
    write_manifest(environment, *lies)
    findings = undo_environment(environment)
    assert [f.message for f in findings] == [
        *["cannot be restored: the manifest does not fit it"] * 2,
        "cannot be removed: it is not what the manifest says",
        "0 files restored",
    ]
    assert snapshot(environment) == files


@pytest.mark.parametrize("place", ["", "demo-1.0.data/data/"])
def test_a_manifest_that_a_distribution_installed_is_refused(tmp_path: Path, place: str) -> None:
    members = build_members(tmp_path / "work") | {f"{place}.wheelfix/changes.jsonl": b"x\n"}
    environment = tmp_path / "env"
    venv = bool(place)
    site = environment / SITE if venv else environment
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
        + (["--prefix", str(environment), "--no-warn-script-location"] if venv else ["-t", str(site)])
        + [
            "--ignore-installed",
            "--no-compile",
            str(build_wheel(tmp_path, files=members, tag="py3-none-any")),
        ],
        check=True,
    )
    (own,) = environment.rglob("changes.jsonl")
    assert own.parent.parent == environment
    files = snapshot(environment)
    for work in (
        lambda: patch_environment(environment, EDITS),
        lambda: undo_environment(environment),
        lambda: undo_environment(environment, dry_run=True),
    ):
        with pytest.raises(InputError, match="was installed by demo"):
            work()
    assert snapshot(environment) == files
    assert own.read_text() == "x\n"


def test_only_the_directory_of_the_manifest_is_passed_over(environment: Path) -> None:
    hidden = environment / SITE / "demo" / ".wheelfix" / "y.so"
    beside = environment / SITE / ".wheelfix" / "z.so"
    for path in (hidden, beside):
        path.parent.mkdir()
        shutil.copyfile(environment / X0, path)
    edits = {"demo/.wheelfix/y.so": EDIT, ".wheelfix/z.so": EDIT}
    results = patch_environment(environment, edits)
    assert [(r.path, r.problem) for r in results] == [(path, None) for path in sorted(edits)]
    assert EDIT.add_run_path[0] in read(hidden).runpath


def swap(directory: Path, outside: Path) -> None:
    """Put a link to a copy of a directory in its place."""
    shutil.copytree(directory, outside / directory.name, dirs_exist_ok=True)
    directory.rename(directory.with_name("moved"))
    directory.symlink_to(outside / directory.name)


@pytest.mark.parametrize("part", [SITE, f"{SITE}/demo"])
def test_a_directory_that_becomes_a_link_before_a_file_is_read(
    environment: Path, outside: Path, part: str
) -> None:
    before = dict[str, tuple[str, int, int]]()

    def progress(done: int, _total: int) -> None:
        if done == 1:
            swap(environment / part, outside)
            before.update(snapshot(outside))

    with pytest.raises(ApplyError, match="reached through a link"):
        patch_environment(environment, EDITS, progress=progress)
    assert snapshot(outside) == before


def test_a_directory_that_becomes_a_link_before_a_file_is_replaced(environment: Path, outside: Path) -> None:
    before = dict[str, tuple[str, int, int]]()

    def progress(done: int, total: int) -> None:
        if done == total:
            swap(environment / SITE / "demo", outside)
            before.update(snapshot(outside))

    with pytest.raises(ApplyError, match="reached through a link"):
        patch_environment(environment, EDITS, progress=progress)
    assert snapshot(outside) == before


def test_a_file_that_is_written_to_meanwhile_is_not_replaced(environment: Path) -> None:
    def progress(done: int, total: int) -> None:
        if done == total:
            (environment / X0).write_bytes(b"new")

    with pytest.raises(EditRefused, match="changed while it was edited"):
        patch_environment(environment, EDITS, progress=progress)
    assert (environment / X0).read_bytes() == b"new"


@pytest.mark.parametrize("part", [SITE, f"{SITE}/demo"])
def test_undo_through_a_directory_that_became_a_link(environment: Path, outside: Path, part: str) -> None:
    patch_environment(environment, EDITS)

    def progress(done: int, _total: int) -> None:
        if done == 1:
            swap(environment / part, outside)
            before.update(snapshot(outside))

    before = dict[str, tuple[str, int, int]]()
    findings = undo_environment(environment, progress=progress)
    assert "reached through a link: left as it is" in findings[0].message
    assert snapshot(outside) == before


def test_a_program_with_rights_of_its_own_is_left_alone(environment: Path) -> None:
    (environment / X0).chmod(0o4755)
    before = snapshot(environment)[X0]
    result = patch_environment(environment, EDITS)[0]
    assert result.problem is not None
    assert "set-user-ID" in result.problem
    assert snapshot(environment)[X0] == before


def test_a_file_that_is_larger_than_any_disk_is_not_read(environment: Path) -> None:
    patch_environment(environment, EDITS)
    os.truncate(environment / X0, 1 << 42)
    result = patch_environment(environment, {"demo/x0.so": ElfEdit(run_path=("/x",))})[0]
    assert result.problem == "has more than 16 GiB"
    assert undo_environment(environment)[0].message == "was replaced since: left as it is"


def test_a_distribution_whose_record_is_damaged_stays_as_it_is(environment: Path, tmp_path: Path) -> None:
    install(
        build_wheel(tmp_path, name="other", files={"other/y.so": build_elf(tmp_path / "w", "y.so")}),
        environment,
    )
    record = environment / SITE / "demo-1.0.dist-info" / "RECORD"
    record.write_bytes(record.read_bytes() + b"one,two,three,four\n")
    before = snapshot(environment)
    results = patch_environment(environment, EDITS | {"other/y.so": EDIT})
    assert [r.path for r in results if r.problem is None] == ["other/y.so"]
    assert all("is no RECORD" in r.problem for r in results if r.problem)
    changed = {path for path, state in snapshot(environment).items() if before[path] != state}
    assert changed == {f"{SITE}/other/y.so", f"{SITE}/other-1.0.dist-info/RECORD"}


def test_site_packages_on_a_mount_of_their_own(environment: Path, tmp_path: Path) -> None:
    wheel = next(tmp_path.glob("*.whl"))
    code = f"""
    set -e
    mount -t tmpfs none {environment}/{SITE}
    {sys.executable} -m tests.patch.test_strangers {environment} {wheel}
    """
    result = run_mounted(code)
    assert result.returncode == 0, result.stderr


def _patch_and_undo(environment: Path, wheel: Path) -> None:
    """What is done inside of the mount."""
    site = install(wheel, environment)
    assert site.stat().st_dev != environment.stat().st_dev
    before = snapshot(environment)
    results = patch_environment(environment, EDITS)
    assert [r.problem for r in results] == [None] * 3
    assert find_installed_lies(site) == []
    assert EDIT.add_run_path[0] in read(environment / X0).runpath
    assert {r.method for r in patch_environment(environment, EDITS)} == {"none"}
    undo_environment(environment)
    assert snapshot(environment) == before
    assert not list(environment.rglob(".wheelfix*"))


def test_work_grows_with_the_number_of_changes_and_not_with_its_square(tmp_path: Path) -> None:
    def prepare(count: int) -> tuple[Path, dict[str, ElfEdit]]:
        data = build_elf(tmp_path / "work", "x.so")
        work = tmp_path / str(count)
        work.mkdir()
        for n in range(count):
            files = {f"p{n}/x{i}.so": data for i in range(2)}
            install(build_wheel(work, name=f"p{n}", files=files), work / "env")
        return work / "env", {f"p{n}/x{i}.so": EDIT for n in range(count) for i in range(2)}

    steps = []
    for count in (8, 32):
        environment, edits = prepare(count)
        steps.append(
            (
                count_steps(lambda e=environment, d=edits: patch_environment(e, d)),  # type: ignore[misc]
                count_steps(lambda e=environment: undo_environment(e)),  # type: ignore[misc]
            )
        )
    assert steps[1][0] < 4.4 * steps[0][0]
    assert steps[1][1] < 4.4 * steps[0][1]


if __name__ == "__main__":
    _patch_and_undo(Path(sys.argv[1]), Path(sys.argv[2]))
