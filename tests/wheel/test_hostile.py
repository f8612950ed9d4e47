"""Archives and databases made to mislead: refused by name, and nothing of them is run."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from tests.support.wheel import build_wheel
from wheelfix.errors import IndexProblem, WheelError
from wheelfix.index.fetch import extract_database
from wheelfix.wheel import archive as module
from wheelfix.wheel.about import parse_about
from wheelfix.wheel.archive import open_archive
from wheelfix.wheel.metadata import parse_metadata, parse_requirement, parse_wheel_tags

HEAD = b"Metadata-Version: 2.1\nName: x\nVersion: 1\n"


def test_member_without_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w") as archive:
        # The time of day must not have the byte of the name.
        archive.writestr(zipfile.ZipInfo("x", (1980, 1, 1, 0, 0, 0)), b"data")
    data = path.read_bytes().replace(b"x", b"").replace(struct.pack("<HH", 1, 0), struct.pack("<HH", 0, 0))
    at = data.rindex(b"PK\5\6")
    size, offset = (value - 1 for value in struct.unpack_from("<LL", data, at + 12))
    path.write_bytes(data[: at + 12] + struct.pack("<LL", size, offset) + data[at + 20 :])
    with pytest.raises(WheelError, match="has no name"), open_archive(path):
        pass


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "a.whl"
    for second, refused in ((b"same", False), (b"else", True)):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.py", b"same")
            archive.writestr("a.py", second)
        if refused:
            with pytest.raises(WheelError, match="twice"), open_archive(path):
                pass
        else:
            with open_archive(path) as opened:
                assert [m.path for m in opened.members] == ["a.py"]


def test_directory_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = build_wheel(tmp_path, files={f"pkg/{n}.txt": b"" for n in range(300)})
    with open_archive(wheel) as archive:
        assert len(archive.members) == 303
    monkeypatch.setattr(module, "_MAX_DIRECTORY", 4096)
    with pytest.raises(WheelError, match="directory of more than 4096 bytes"), open_archive(wheel):
        pass


@pytest.mark.parametrize(
    "line",
    [
        "y; " + "(" * 1500 + "os_name == 'a'" + ")" * 1500,
        "y; os_name ~= 'a'",
        "y; 'a' in dependency_groups",
        "y; python_version < '" + "9" * 4400 + "'",
        "y; " + " or ".join(f"extra == '{n}'" for n in range(1000)),
    ],
)
def test_markers_that_cannot_be_evaluated_are_no_requirements(line: str) -> None:
    assert parse_requirement("y; os_name == 'posix'", {"os_name": "posix"}) is not None
    _, _, requires = parse_metadata("p", HEAD + f"Requires-Dist: {line}\nRequires-Dist: z\n".encode(), ())
    assert [r.name for r in requires] == ["z"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (HEAD + b"".join(b"X-%d: y\n" % n for n in range(300)), "300|303 fields"),
        (HEAD + b"Classifier: y\n" * 21_000, "21003 fields"),
        (HEAD + b"Requires-Dist: some-thing>=1.0\n" * 19_000, "19000 requirements"),
    ],
)
def test_metadata_of_more_than_any_distribution_has(text: bytes, problem: str) -> None:
    with pytest.raises(WheelError, match=problem):
        parse_metadata("p", text, ())


def test_a_long_description_is_no_field() -> None:
    assert parse_about(HEAD + b"Summary: s\n\n" + b"a: b\n" * 30_000).summary == "s"


def test_tags_that_are_none_and_too_many() -> None:
    many = ".".join(f"p{n}" for n in range(3000))
    text = f"Tag: cp3²-none-any\nTag: py3-none-{many}\nTag: py2-none-{many}\nTag: cp312-none-any\n"
    tags = parse_wheel_tags(text)
    assert len(tags) == 3001
    assert "cp312-none-any" in tags
    assert parse_metadata("p", HEAD, parse_wheel_tags(f"Tag: cp3{'9' * 5000}-abi3-any"))[0] == "x"


def test_a_database_too_large_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = build_wheel(tmp_path, files={"db": b"NIXI" + bytes(100)})
    monkeypatch.setattr("wheelfix.index.fetch.MAX_SIZE", 100)
    with open_archive(wheel) as archive, pytest.raises(IndexProblem, match="104 bytes"):
        extract_database(archive, "db", tmp_path / "out" / "database")
    assert not (tmp_path / "out").exists()
