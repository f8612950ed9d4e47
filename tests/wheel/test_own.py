"""Of several ``*.dist-info`` directories, which one is a wheel's own."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.wheel import build_wheel
from wheelfix.errors import WheelError
from wheelfix.scan.read import read_wheel
from wheelfix.wheel.contents import choose_dist_info, list_dist_infos

OTHERS = ("aaa-1.0.dist-info", "demo-0.9.dist-info", "zzz-3.dist-info")


def make_files(infos: tuple[str, ...] = OTHERS) -> dict[str, bytes]:
    files = {"demo/x.py": b"1"}
    for info in infos:
        name, version = info.removesuffix(".dist-info").split("-")
        files[f"{info}/METADATA"] = (
            f"Name: {name}\nVersion: {version}\nSummary: another\nLicense-Expression: GPL-3.0-only\n"
            "Requires-Dist: other\n"
        ).encode()
        files[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nTag: cp39-cp39-win32\n"
        files[f"{info}/RECORD"] = f"demo/x.py,sha256=wrong,1\n{info}/METADATA,,\n{info}/RECORD,,\n".encode()
        files[f"{info}/entry_points.txt"] = b"[console_scripts]\nother = other:main\n"
    return files


@pytest.mark.parametrize("filename", [None, "renamed.whl", "other-1.0-py3-none-any.whl"])
def test_all_that_is_said_of_a_wheel_is_of_its_own(tmp_path: Path, filename: str | None) -> None:
    """By the name of its file, and by what its RECORD lists where the file has another name."""
    own = b"Name: demo\nVersion: 1.0\nSummary: its own\nLicense-Expression: MIT\nRequires-Dist: own\n"
    points = b"[console_scripts]\nrun = demo:main\n"
    files = {**make_files(), "demo-1.0.dist-info/entry_points.txt": points}
    wheel = build_wheel(tmp_path, files=files, metadata=own, filename=filename)
    found = read_wheel(wheel, cache=tmp_path / "cache", contents=True)
    about, distribution = found.about, found.distribution
    assert (about.summary, about.spdx) == ("its own", "MIT")
    assert (distribution.name, distribution.version) == ("demo", "1.0")
    assert [r.name for r in distribution.requires] == ["own"]
    assert all("win32" not in tag for tag in distribution.tags)
    digests = {file.path: file.digest for file in found.contents or ()}
    assert digests.keys() == {"demo/x.py", "scripts.data/scripts/run"}
    assert digests["demo/x.py"] not in {"sha256=wrong", ""}


def test_none_is_chosen_where_nothing_tells(tmp_path: Path) -> None:
    files = make_files()
    infos = list_dist_infos(files)
    assert infos == sorted(OTHERS)
    assert choose_dist_info("renamed.whl", infos, files.get) is None
    assert choose_dist_info("aaa-1.0-py3-none-any.whl", infos, files.get) == "aaa-1.0.dist-info"
    assert choose_dist_info("AAA-1-py3-none-any.whl", infos, files.get) == "aaa-1.0.dist-info"
    assert choose_dist_info("demo-0.8-py3-none-any.whl", infos, files.get) == "demo-0.9.dist-info"
    twins = ("demo-1.0.dist-info", "Demo-1.0.dist-info")
    files = make_files(twins)
    assert choose_dist_info("demo-1.0-py3-none-any.whl", twins, files.get) is None
    assert choose_dist_info("demo-1.0-py3-none-any.whl", [], files.get) is None


def test_a_wheel_whose_own_cannot_be_told_is_refused(tmp_path: Path) -> None:
    wheel = build_wheel(tmp_path, files={"demo/x.py": b"1"}, filename="renamed.whl")
    assert read_wheel(wheel).distribution.name == "demo"
    with zipfile.ZipFile(wheel, "a") as archive:  # which no RECORD lists
        archive.writestr("other-1.0.dist-info/METADATA", "Name: other\nVersion: 1.0\n")
    with pytest.raises(WheelError, match=r"has several \*\.dist-info"):
        read_wheel(wheel)
