from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.counting import count_calls
from tests.support.elf import build_elf
from tests.support.wheel import build_wheel
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.errors import InputError
from wheelfix.model.scan import Level
from wheelfix.wheel.environment import Environment, find_wheels, read_environment

SITE = "lib/python3.12/site-packages"
PYTHON_SITE = f"lib/python3.{sys.version_info.minor}/site-packages"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return build_elf(tmp_path_factory.mktemp("elf"), "libx.so", soname="libx.so.1")


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory, library: bytes) -> Path:
    """A virtual environment that pip has installed two wheels into."""
    work = tmp_path_factory.mktemp("venv")
    wheels = [
        build_wheel(
            work,
            name="Demo_Pkg",
            tag="py3-none-any",
            requires=['typing; python_version < "3.0"', "other"],
            files={
                "demo/x.so": library,
                "demo/x.py": b"",
                "demo_pkg.libs/libx.so.1": library,
                "Demo_Pkg-1.0.data/scripts/demotool": library,
                "Demo_Pkg-1.0.data/data/share/demo/plugin.bin": library,
            },
        ),
        build_wheel(work, name="other", version="2", tag="py3-none-any", files={"other/libo.so": library}),
    ]
    root = work / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(root / "bin/python"), "install", "-q"]
    subprocess.run([*pip, "--no-deps", "--no-index", *map(str, wheels)], check=True)
    return root


def read(directory: Path) -> Environment:
    return read_environment(directory, ELF_MAGIC)


def paths(environment: Environment) -> dict[str | None, list[str]]:
    return {
        i.distribution.name if i.distribution else None: [f.path for f in i.elf_files]
        for i in environment.distributions
    }


def put(root: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


def info(record: str, *, name: str = "demo", site: str = SITE) -> dict[str, bytes]:
    base = f"{site}/{name}-1.0.dist-info" if site else f"{name}-1.0.dist-info"
    return {
        f"{base}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{base}/RECORD": record.encode("utf-8", "surrogateescape"),
    }


@pytest.mark.parametrize("start", ["", PYTHON_SITE])
def test_every_elf_file_of_a_virtual_environment_has_its_owner(venv: Path, start: str) -> None:
    environment = read(venv / start)
    assert environment.root == venv.resolve()
    assert environment.site == venv.resolve() / PYTHON_SITE
    assert paths(environment) == {
        "demo-pkg": [
            "../../../bin/demotool",
            "../../../share/demo/plugin.bin",
            "demo/x.so",
            "demo_pkg.libs/libx.so.1",
        ],
        "other": ["other/libo.so"],
    }
    assert environment.findings == ()


def test_distribution_comes_from_its_metadata(venv: Path, library: bytes) -> None:
    installed = read(venv).distributions[0]
    distribution = installed.distribution
    assert distribution
    assert (distribution.target, distribution.version) == ("Demo_Pkg-1.0", "1.0")
    assert distribution.tags == ("py3-none-any",)
    assert [(r.name, r.active) for r in distribution.requires] == [("typing", False), ("other", True)]
    assert {"demo/x.py", "../../../bin/demotool"} <= distribution.files
    for file in installed.elf_files:
        assert file.size == len(library)
        assert file.disk.read_bytes() == library


def test_markers_are_evaluated_for_the_python_of_the_environment(tmp_path: Path) -> None:
    site = "lib/python3.11/site-packages"
    base = put(tmp_path, info("", site=site)) / site / "demo-1.0.dist-info"
    requires = ['old; python_version < "3.12"', 'arm; platform_machine == "aarch64"']
    with (base / "METADATA").open("a") as file:
        file.writelines(f"Requires-Dist: {line}\n" for line in requires)
    (base / "WHEEL").write_text("Tag: cp37-abi3-manylinux_2_28_aarch64\n")
    distribution = read(tmp_path).distributions[0].distribution
    assert distribution
    assert [(r.name, r.active) for r in distribution.requires] == [("old", True), ("arm", True)]


def test_file_in_no_record_belongs_to_nobody(tmp_path: Path, library: bytes) -> None:
    put(tmp_path, {**info("demo/a.so,,\n"), f"{SITE}/demo/a.so": library, f"{SITE}/stray.so": library})
    assert paths(read(tmp_path)) == {"demo": ["demo/a.so"], None: ["stray.so"]}


def test_egg_info_is_left_out_and_its_files_are_found(tmp_path: Path, library: bytes) -> None:
    put(tmp_path, {f"{SITE}/old.egg-info/PKG-INFO": b"Name: old\n", f"{SITE}/old.so": library})
    assert paths(read(tmp_path)) == {None: ["old.so"]}


def test_unpacked_wheel(tmp_path: Path, library: bytes) -> None:
    files = {"demo/x.so": library, "demo-1.0.data/scripts/tool": library}
    with zipfile.ZipFile(build_wheel(tmp_path, files=files)) as archive:
        archive.extractall(tmp_path / "unpacked")
    environment = read(tmp_path / "unpacked")
    assert environment.site == environment.root == (tmp_path / "unpacked").resolve()
    assert paths(environment) == {"demo": ["demo-1.0.data/scripts/tool", "demo/x.so"]}


def test_plain_directory_of_elf_files(tmp_path: Path, library: bytes) -> None:
    put(tmp_path, {"deep/er/lib.so": library, "prog": library, "readme": b"\x7fEL", "short": ELF_MAGIC})
    assert paths(read(tmp_path)) == {None: ["deep/er/lib.so", "prog"]}


def test_directory_without_anything(tmp_path: Path) -> None:
    assert read(tmp_path).distributions == ()


@pytest.mark.parametrize("site", ["lib64/python3.11/site-packages", "lib/python3/dist-packages"])
def test_other_prefixes(tmp_path: Path, library: bytes, site: str) -> None:
    put(
        tmp_path, {**info("x.so,,\n../../../bin/t,,\n", site=site), f"{site}/x.so": library, "bin/t": library}
    )
    environment = read(tmp_path)
    assert environment.site == tmp_path.resolve() / site
    assert paths(environment) == {"demo": ["../../../bin/t", "x.so"]}
    assert read(environment.site) == environment


def test_lib64_that_is_lib_is_read_once(tmp_path: Path, library: bytes) -> None:
    put(tmp_path, {**info("x.so,,\n"), f"{SITE}/x.so": library})
    (tmp_path / "lib64").symlink_to("lib")
    assert paths(read(tmp_path)) == {"demo": ["x.so"]}


def test_pyvenv_cfg_decides_between_two_pythons(tmp_path: Path, library: bytes) -> None:
    other = "lib/python3.11/site-packages"
    put(tmp_path, {**info("x.so,,\n"), **info("y.so,,\n", site=other, name="old")})
    with pytest.raises(InputError, match="has several site-packages") as caught:
        read(tmp_path)
    assert caught.value.hint == "give one of them"
    put(tmp_path, {"pyvenv.cfg": b"home = /usr/bin\nversion = 3.12.1\n", f"{SITE}/x.so": library})
    assert paths(read(tmp_path)) == {"demo": ["x.so"]}


def test_not_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    for name, problem in [("file", "not a directory"), ("none", "no such file"), ("a\0b", "null")]:
        with pytest.raises(InputError, match=problem):
            read(tmp_path / name)


def test_record_cannot_lead_out_of_the_prefix(tmp_path: Path, library: bytes) -> None:
    outside = tmp_path / "secret.so"
    outside.write_bytes(library)
    root = tmp_path / "env"
    record = "\n".join(
        [
            "../../../../secret.so,,",
            f"{outside},,",
            "demo/../../../../../secret.so,,",
            "../../../bin/link,,",
            "../../../bin/tool,,",
            "demo//./x.so,,",
            '"demo/with, comma.so",,',
            "bad\0name,,",
            "../../../bad\0name,,",
            f"{root.resolve()}/share/abs.bin,,",
            ",,",
        ]
    )
    put(
        root,
        {
            **info(record),
            f"{SITE}/demo/x.so": library,
            f"{SITE}/demo/with, comma.so": library,
            "bin/tool": library,
            "share/abs.bin": library,
        },
    )
    (root / "bin/link").symlink_to(outside)
    (installed,) = read(root).distributions
    found = ["../../../bin/tool", "../../../share/abs.bin", "demo/with, comma.so", "demo/x.so"]
    assert [f.path for f in installed.elf_files] == found
    assert installed.distribution
    assert installed.distribution.files == {*found, "../../../bin/link"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"METADATA": b"nothing"}, "no Name"),
        ({"METADATA": b""}, "no Name"),
        ({"RECORD": b'"' + b"x" * 200_000}, "field larger"),
    ],
)
def test_broken_distribution_is_a_finding(
    tmp_path: Path, library: bytes, change: dict[str, bytes], message: str
) -> None:
    put(tmp_path, {**info("x.so,,\n"), **info("y.so,,\n", name="fine")})
    put(tmp_path / SITE, {f"demo-1.0.dist-info/{name}": data for name, data in change.items()})
    put(tmp_path / SITE, {"x.so": library, "y.so": library})
    environment = read(tmp_path)
    assert paths(environment) == {"fine": ["y.so"], None: ["x.so"]}
    (finding,) = environment.findings
    assert finding.subject.startswith("demo-1.0.dist-info")
    assert message in finding.message


def test_leftover_of_an_interrupted_pip_is_left_out(tmp_path: Path) -> None:
    put(tmp_path, {**info("x.so,,\n", name="~emo"), **info("", name="demo")})
    assert list(paths(read(tmp_path))) == ["demo"]


def test_symbolic_links_inside_the_tree_are_followed(tmp_path: Path, library: bytes) -> None:
    put(
        tmp_path,
        {**info("demo/libx.so.1.2,,\n"), f"{SITE}/demo/libx.so.1.2": library, "lib/libp.so": library},
    )
    (tmp_path / SITE / "demo/libx.so.1").symlink_to("libx.so.1.2")
    (tmp_path / SITE / "demo/libp.so").symlink_to("../../../libp.so")
    environment = read(tmp_path)
    assert paths(environment) == {"demo": ["demo/libx.so.1.2"], None: ["demo/libp.so", "demo/libx.so.1"]}
    assert environment.distributions[1].elf_files[1].disk == environment.site / "demo/libx.so.1.2"


def test_linked_directory_is_entered_once(tmp_path: Path, library: bytes) -> None:
    put(
        tmp_path,
        {**info("alias/x.so,,\ntwin/y.so,,\n"), "share/real/x.so": library, f"{SITE}/own/y.so": library},
    )
    (tmp_path / SITE / "alias").symlink_to("../../../share/real")
    (tmp_path / SITE / "twin").symlink_to("own")
    (tmp_path / SITE / "loop").symlink_to(".")
    (tmp_path / SITE / "own/up").symlink_to("../../..")
    (tmp_path / SITE / "self").symlink_to("self")
    environment = read(tmp_path)
    assert paths(environment) == {"demo": ["alias/x.so", "own/y.so"]}
    assert environment.findings == ()


def test_maze_of_links_ends(tmp_path: Path, library: bytes) -> None:
    for i in range(40):
        directory = put(tmp_path, {f"d{i}/x.so": library}) / f"d{i}"
        for name in ("a", "b"):
            (directory / name).symlink_to(f"../d{(i + 1) % 40}")
    environment, calls = count_calls(lambda: read(tmp_path))
    assert len(environment.distributions[0].elf_files) == 40
    assert calls < 100_000


def test_links_out_of_the_tree_are_told_and_not_followed(tmp_path: Path, library: bytes) -> None:
    put(tmp_path, {"env-secret/s.so": library, "env/a/x.so": library})
    (tmp_path / "env/a/link.so").symlink_to(tmp_path / "env-secret/s.so")
    (tmp_path / "env/dir").symlink_to("../env-secret")
    (tmp_path / "env/broken").symlink_to("/nowhere")
    environment = read(tmp_path / "env")
    assert paths(environment) == {None: ["a/x.so"]}
    (finding,) = environment.findings
    assert finding.subject == "a/link.so"
    assert finding.message == "a symbolic link that leads out of the directory: not followed; 1 more like it"
    assert finding.level is Level.WARNING
    (tmp_path / "env/a/x.so").unlink()
    assert read(tmp_path / "env").findings[0].level is Level.ERROR


def test_site_packages_elsewhere_is_named(tmp_path: Path) -> None:
    put(tmp_path, info("", site="real/python3.12/site-packages"))
    (tmp_path / "env").mkdir()
    (tmp_path / "env/lib").symlink_to("../real")
    with pytest.raises(InputError, match="symbolic link that leaves it") as caught:
        read(tmp_path / "env")
    assert str(tmp_path.resolve() / "real/python3.12/site-packages") in caught.value.hint


def test_metadata_behind_a_link_out_of_the_tree_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, {**info("", site="env/" + SITE), "secret": b"Name: secret\nVersion: 1\n"})
    metadata = tmp_path / "env" / SITE / "demo-1.0.dist-info/METADATA"
    metadata.unlink()
    metadata.symlink_to(tmp_path / "secret")
    environment = read(tmp_path / "env")
    assert environment.distributions == ()
    assert "has no METADATA" in environment.findings[1].message


def test_pipes_do_not_hang(tmp_path: Path, library: bytes) -> None:
    put(tmp_path, {**info("x.so,,\n../../../bin/p,,\n"), f"{SITE}/x.so": library, "bin/q": b""})
    os.mkfifo(tmp_path / SITE / "pipe.so")
    os.mkfifo(tmp_path / "bin/p")
    os.mkfifo(tmp_path / SITE / "demo-1.0.dist-info/WHEEL")
    assert paths(read(tmp_path)) == {"demo": ["x.so"]}


def test_what_cannot_be_opened_is_told(tmp_path: Path, library: bytes) -> None:
    """Deeper than a path may be long: even root cannot open that."""
    put(tmp_path, {"a.so": library})
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=fd)
        file = os.open("f" * 250, os.O_WRONLY | os.O_CREAT, dir_fd=fd)
        os.write(file, library)
        os.close(file)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    environment = read(tmp_path)
    assert 10 < len(environment.distributions[0].elf_files) < 20
    (finding,) = environment.findings
    assert finding.message == "cannot be opened: left out; 1 more like it"


def test_names_that_are_no_text_are_escaped(tmp_path: Path, library: bytes) -> None:
    name = os.fsdecode(b"lib\xff\xc3\xa9.so")
    put(tmp_path, {**info(f"{name},,\n"), f"{SITE}/{name}": library})
    ((distribution,),) = paths(read(tmp_path)).values()
    assert distribution == "lib\\xffé.so"


def test_hard_links_are_files_like_others(tmp_path: Path, library: bytes) -> None:
    put(tmp_path, {"a.so": library})
    (tmp_path / "b.so").hardlink_to(tmp_path / "a.so")
    assert paths(read(tmp_path)) == {None: ["a.so", "b.so"]}


def test_tags_that_explode_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, info(""))
    many = ".".join(f"a{i}" for i in range(2000))
    wheel = tmp_path / SITE / "demo-1.0.dist-info/WHEEL"
    wheel.write_text(f"Tag: {many}-{many}-{many}\nTag: py3-none-any\n")
    (installed,) = read(tmp_path).distributions
    assert installed.distribution
    assert installed.distribution.tags == ("py3-none-any",)


def test_wheels_of_a_directory(tmp_path: Path) -> None:
    second, first = (build_wheel(tmp_path, name=name, files={}) for name in ("b", "a"))
    (tmp_path / "dir.whl").mkdir()
    (tmp_path / "notes.txt").write_text("")
    assert find_wheels(tmp_path) == (first, second)
    with pytest.raises(InputError, match="no such file"):
        find_wheels(tmp_path / "none")


def test_many_files_take_few_steps_each(tmp_path: Path, library: bytes) -> None:
    """20 000 files of every kind."""
    for i in range(100):
        files = {f"{SITE}/p{i}/f{j}{('.py', '.bin')[j % 2]}": b"x" * 60 for j in range(200)}
        put(tmp_path, {**files, f"{SITE}/p{i}/lib.so": library})
    environment, calls = count_calls(lambda: read(tmp_path))
    assert len(environment.distributions[0].elf_files) == 100
    assert calls < 150 * 20_000
