"""The door of rattler's solver: real channels, on disk and on the loopback interface."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.small_channel import add_package, build_channel, index_channel, serve_channel
from wheelfix.errors import InputError
from wheelfix.model.conda import CondaPackage
from wheelfix.model.conda_project import VirtualPackage
from wheelfix.outside import rattler
from wheelfix.outside.rattler import Solved, find_subdir, find_unmet, keep_reachable, list_virtual

FILE = "environment.yml"
MACHINE = list_virtual("x86_64-linux", "2.40")


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_channel(tmp_path_factory.mktemp("channel"))


def solve(
    cache: Path,
    specs: Sequence[str],
    *channels: object,
    virtual: Sequence[VirtualPackage] = MACHINE,
    constraints: Sequence[str] = (),
    locked: Sequence[CondaPackage] = (),
    strict: bool = True,
    place: Path | None = None,
    seconds: int = 60,
) -> Solved:
    return rattler.solve(
        specs,
        [str(channel) for channel in channels],
        subject=FILE,
        subdir="linux-64",
        virtual=virtual,
        directory=cache,
        constraints=constraints,
        locked=locked,
        strict=strict,
        place=place,
        seconds=seconds,
    )


def name(solved: Solved) -> list[str]:
    return [package.label for package in solved.packages]


def test_a_channel_on_disk_is_solved(tmp_path: Path, channel: Path) -> None:
    solved = solve(tmp_path, ["numbers", "click"], channel)
    assert name(solved) == ["click 8.1.7", "libzlib 1.3.1", "numbers 1.26.4", "python 3.11.9"]
    click, library, *_ = solved.packages
    assert click.noarch == "python"
    assert click.subdir == "noarch"
    assert click.platform == "linux-64"
    assert library.filename == "libzlib-1.3.1-0.conda"
    assert library.url == (channel / "linux-64" / library.filename).as_uri()
    assert library.sha256
    assert library.md5
    assert library.size == (channel / "linux-64" / library.filename).stat().st_size
    assert not solved.findings


def test_a_channel_is_a_path_a_relative_path_an_address_or_on_a_server(tmp_path: Path, channel: Path) -> None:
    wanted = ["libzlib 1.3.1"]
    assert name(solve(tmp_path / "a", ["libzlib"], channel.as_uri())) == wanted
    assert name(solve(tmp_path / "b", ["libzlib"], f"./{channel.name}", place=channel.parent)) == wanted
    with serve_channel(channel) as url:
        solved = solve(tmp_path / "c", ["libzlib"], url)
    assert name(solved) == wanted
    assert solved.packages[0].url == f"{url}/linux-64/libzlib-1.3.1-0.conda"


def test_short_forms_are_read_as_conda_reads_them(tmp_path: Path, channel: Path) -> None:
    assert "python 3.11.9" in name(solve(tmp_path, ["python=3.11"], channel))
    assert "python 3.12.1" in name(solve(tmp_path, ["python>=3.11"], channel))
    assert "click 8.0.0" in name(solve(tmp_path, ["click==8.0.0", "python"], channel))
    assert "click 8.0.0" in name(solve(tmp_path, ["click <8.1", "python"], channel))
    # One equals sign and a blank are not the same: a bare version is that version.
    with pytest.raises(InputError, match=r"python ==3\.12"):
        solve(tmp_path, ["python 3.12"], channel)


def test_what_was_locked_stays_if_it_can(tmp_path: Path, channel: Path) -> None:
    before = solve(tmp_path, ["click 8.0.0", "python 3.11.9"], channel).packages
    assert name(solve(tmp_path, ["click", "python"], channel, locked=before)) == [
        "click 8.0.0",
        "libzlib 1.3.1",
        "python 3.11.9",
    ]
    assert "click 8.1.7" in name(solve(tmp_path, ["click >8.0"], channel, locked=before))


def test_what_the_channel_has_no_more_is_not_kept(tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    old = add_package(channel, "tool", "1.0")
    index_channel(channel)
    before = solve(tmp_path / "a", ["tool"], channel).packages
    old.unlink()
    add_package(channel, "tool", "2.0")
    index_channel(channel)
    assert name(solve(tmp_path / "b", ["tool"], channel, locked=before)) == ["tool 2.0"]


def test_constraints_bring_nothing_and_hold(tmp_path: Path, channel: Path) -> None:
    assert name(solve(tmp_path, ["libzlib"], channel, constraints=["python 3.11.*"])) == ["libzlib 1.3.1"]
    assert "python 3.11.9" in name(solve(tmp_path, ["click"], channel, constraints=["python <3.12"]))


def test_the_first_channel_hides_the_others(tmp_path: Path, channel: Path) -> None:
    weak = tmp_path / "weak"
    add_package(weak, "libzlib", "1.4.0")
    index_channel(weak)
    assert name(solve(tmp_path / "c", ["libzlib"], channel, weak)) == ["libzlib 1.3.1"]
    assert name(solve(tmp_path / "c", ["libzlib"], weak, channel)) == ["libzlib 1.4.0"]
    assert name(solve(tmp_path / "c", ["libzlib"], channel, weak, strict=False)) == ["libzlib 1.4.0"]


def test_a_driver_is_there_where_it_is_asked_for(tmp_path: Path, channel: Path) -> None:
    with pytest.raises(InputError, match=r"gpu 1\.0 would require __cuda >=12\.4"):
        solve(tmp_path, ["gpu"], channel)
    asked = list_virtual("x86_64-linux", "2.40", cuda="12.9")
    assert name(solve(tmp_path, ["gpu"], channel, virtual=asked)) == ["gpu 1.0"]


def test_machines_of_nix_have_the_glibc_of_nixpkgs() -> None:
    known = {one.name: one for one in list_virtual("aarch64-linux", "2.42")}
    assert known["__glibc"].version == "2.42"
    assert known["__archspec"].build == "aarch64"
    assert "__cuda" not in known
    declared = [VirtualPackage(name="__glibc", version="2.28")]
    assert VirtualPackage(name="__glibc", version="2.28") in list_virtual("x86_64-linux", "2.42", declared)


def test_systems_have_platforms_of_conda() -> None:
    assert find_subdir("aarch64-linux") == "linux-aarch64"
    with pytest.raises(InputError, match="no platform that conda has packages for"):
        find_subdir("loongarch64-linux")


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        (["nothing-has-this"], "cannot be solved: No candidates were found for nothing-has-this"),
        (["numbers", "python 3.12.*"], "cannot be solved: "),
        (["*"], "is no match specification"),
        (["python["], "is no match specification"),
        (["x" * 3000], "it has more than 2000 characters"),
        (["a\x1b[31mb"], "is no match specification"),
        (["libzlib;if python"], "is no match specification"),
        (["python"] * 20_000, "asks for more than 10000 packages"),
    ],
)
def test_what_cannot_be_solved_is_said_on_one_line(
    tmp_path: Path, channel: Path, specs: list[str], said: str
) -> None:
    with pytest.raises(InputError) as caught:
        solve(tmp_path, specs, channel)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("channel", ["", " ", "a\x1b[31mb", "a\nb", "http://[", "https://"])
def test_what_is_no_channel_is_said(tmp_path: Path, channel: str) -> None:
    with pytest.raises(InputError) as caught:
        solve(tmp_path, ["python"], channel)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_environment_needs_a_channel(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no channel"):
        solve(tmp_path, ["python"])


def test_a_channel_that_is_not_there_is_said_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a channel gives no answer") as caught:
        solve(tmp_path, ["python"], "http://me:secret@127.0.0.1:9/t/token/channel")
    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)
    assert "network" in caught.value.hint
    with pytest.raises(InputError, match="could not find subdir 'noarch'"):
        solve(tmp_path, ["python"], tmp_path / "nowhere")


@pytest.mark.parametrize("fault", ["hang", "drip"])
def test_a_channel_that_hangs_is_given_up(tmp_path: Path, fault: str) -> None:
    with (
        serve_channel(tmp_path, hang=fault == "hang", drip=fault == "drip") as url,
        pytest.raises(InputError, match="a channel gives no answer"),
    ):
        solve(tmp_path / "cache", ["python"], url, seconds=1)


@pytest.mark.parametrize(
    "repodata",
    ["", "{", "[]", "null", '{"packages": 1}', '{"packages": {"x": 1}}', "[" * 100_000, "\x00" * 1000],
)
def test_wrong_repodata_is_said(tmp_path: Path, repodata: str) -> None:
    for subdir in ("noarch", "linux-64"):
        (tmp_path / "channel" / subdir).mkdir(parents=True)
        (tmp_path / "channel" / subdir / "repodata.json").write_text(repodata)
    with pytest.raises(InputError) as caught:
        solve(tmp_path / "cache", ["python"], tmp_path / "channel")
    assert "\n" not in str(caught.value)


def test_an_interrupt_ends_the_wait(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from wheelfix.outside.rattler import solve;"
        "print('ready', flush=True);"
        "solve(['python'], [sys.argv[1]], subject='x', subdir='linux-64', virtual=(), "
        "directory=Path(sys.argv[2]))"
    )
    with serve_channel(tmp_path, hang=True) as url:
        command = [sys.executable, "-c", code, url, str(tmp_path / "cache")]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
        )
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        # The handler is in place once the loop runs; an earlier signal would be Python's own.
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert b"KeyboardInterrupt" in said


def test_without_the_extra_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rattler", None)
    with pytest.raises(InputError, match=r"needs wheelfix\[conda\]") as caught:
        solve(tmp_path, ["python"], "channel")
    assert caught.value.subject == FILE
    assert "pip install" in caught.value.hint


def test_what_a_lock_lacks_is_found(tmp_path: Path, channel: Path) -> None:
    packages = solve(tmp_path, ["click", "python 3.11.*"], channel).packages
    specs = ["python >=3.12", "Click", "numbers", "python[version='3.11.*', channel='elsewhere']"]
    assert find_unmet(FILE, specs, packages) == ("python >=3.12", "numbers")


def test_packages_that_others_lead_to_stay(tmp_path: Path, channel: Path) -> None:
    packages = solve(tmp_path, ["click", "numbers"], channel).packages
    assert [p.name for p in keep_reachable(packages, ["numbers"])] == ["libzlib", "numbers", "python"]
    assert keep_reachable(packages, ["absent"]) == ()
