"""Packages of conda as archives: what is read of both formats, and what is refused."""

from __future__ import annotations

import bz2
import json
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.conda import Member, build_conda, make_tar, write_conda
from tests.support.hostile_conda import INDEX, MEMBERS, header, write_raw
from wheelfix.errors import InputError
from wheelfix.wheel import conda
from wheelfix.wheel.archive import Archive, open_unlisted
from wheelfix.wheel.conda import (
    CondaDescription,
    MemberKind,
    PathEntry,
    is_old_package,
    is_read,
    iter_members,
    parse_description,
    read_again,
)
from wheelfix.wheel.conda_names import (
    find_packages,
    find_python_directory,
    find_site_path,
    find_spec_name,
    make_requires,
    parse_conda_filename,
    resolve_link,
)
from wheelfix.wheel.zstd import compress


def read(package: Path) -> dict[str, tuple[MemberKind, bytes]]:
    with open_unlisted(package) as archive:
        return {m.path: (m.kind, b"".join(chunks)) for m, chunks in iter_members(archive)}


def describe(package: Path) -> CondaDescription:
    kept = {path: data for path, (_, data) in read(package).items() if is_read(path)}
    return parse_description(package.name, kept)


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_both_formats_have_the_same(tmp_path: Path, suffix: str) -> None:
    files: dict[str, Member | bytes] = {
        "bin/x": Member(b"#!/opt/x\n", mode=0o755, placeholder="text", prefix="/opt"),
        "lib/liba.so": Member(b"liba.so.1", link=True),
        "share/empty": b"",
        "share/large": bytes(3 << 20),
    }
    package = build_conda(tmp_path, "x", files, depends=["y >=1", "__glibc >=2.17"], suffix=suffix)
    found = read(package)
    assert found["bin/x"] == (MemberKind.FILE, b"#!/opt/x\n")
    assert found["lib/liba.so"] == (MemberKind.LINK, b"")
    assert found["share/large"] == (MemberKind.FILE, bytes(3 << 20))
    assert next(iter(found)).startswith("info/")
    said = describe(package)
    assert (said.name, said.version, said.build.build, said.build.subdir) == ("x", "1.0", "0", "linux-64")
    assert said.build.depends == ("y >=1", "__glibc >=2.17")
    assert [one.name for one in said.requires] == ["y"]
    assert said.paths
    assert said.paths["bin/x"].placeholder == "/opt"
    assert not said.paths["bin/x"].binary
    assert said.paths["lib/liba.so"].link
    with open_unlisted(package) as archive:
        assert b"".join(read_again(archive, "bin/x")) == b"#!/opt/x\n"
        assert b"".join(read_again(archive, "bin/none")) == b""
        assert sum(size for size in _count(archive)) == pytest.approx(package.stat().st_size, rel=0.5)


def _count(archive: Archive) -> list[int]:
    counted: list[int] = []
    for _ in iter_members(archive, on_bytes=counted.append):
        pass
    return counted


def test_several_streams_of_bzip2_are_one_archive(tmp_path: Path) -> None:
    package = build_conda(tmp_path, "x", {"a": b"a" * 2000}, suffix=".tar.bz2")
    data = bz2.decompress(package.read_bytes())
    package.write_bytes(b"".join(bz2.compress(data[at : at + 700]) for at in range(0, len(data), 700)))
    assert read(package)["a"][1] == b"a" * 2000


def test_members_of_a_conda_are_in_any_order_and_info_comes_first(tmp_path: Path) -> None:
    info = make_tar([("info/index.json", Member(json.dumps(INDEX).encode()))])
    write_conda(tmp_path / "x-1.0-0.conda", "x-1.0-0", info, make_tar([("a", Member(b"a"))]))
    assert list(read(tmp_path / "x-1.0-0.conda")) == ["info/index.json", "a"]


def test_an_old_package_has_lists_in_place_of_paths(tmp_path: Path) -> None:
    members = {
        "info/index.json": json.dumps({**INDEX, "subdir": None, "depends": None, "noarch": False}).encode(),
        "info/files": b"bin/a\nbin/b c\nlib/c\n",
        "info/has_prefix": b'/opt/place text bin/a\n"/opt/p q" binary "bin/b c"\nlib/c\n',
        "info/no_link": b"lib/c\n",
        "bin/a": b"",
    }
    package = tmp_path / "x-1.0-0.tar.bz2"
    package.write_bytes(make_tar(((path, Member(data)) for path, data in members.items()), mode="w:bz2"))
    said = describe(package)
    assert said.build.subdir == "linux-64"
    assert said.paths == {
        "bin/a": PathEntry(placeholder="/opt/place"),
        "bin/b c": PathEntry(placeholder="/opt/p q", binary=True),
        "lib/c": PathEntry(placeholder="/opt/anaconda1anaconda2anaconda3", no_link=True),
    }


@pytest.mark.parametrize("name", MEMBERS)
def test_hostile_members_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    headers, problem = MEMBERS[name]
    for suffix in (".conda", ".tar.bz2"):
        if suffix == ".tar.bz2" and name == "more description":
            continue
        package = write_raw(tmp_path, headers, suffix)
        with pytest.raises(InputError, match=problem) as caught:
            read(package)
        assert "\n" not in str(caught.value)
        assert caught.value.hint


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    sparse = header("a")
    form = {"major": "1", "minor": "0", "realsize": "9999999"}
    sparse.pax_headers = {f"GNU.sparse.{key}": value for key, value in form.items()}
    with pytest.raises(InputError, match="a file with holes"):
        read(write_raw(tmp_path, [(sparse, b"1\n0\n512\n" + bytes(1100))]))
    old = header("a")
    old.type = tarfile.GNUTYPE_SPARSE
    with pytest.raises(InputError, match="a file with holes"):
        read(write_raw(tmp_path, [(old, b"")]))


def test_specifications_are_limited() -> None:
    with pytest.raises(InputError, match="depends on more than 10000 packages"):
        parse_description("x", {"info/index.json": json.dumps({**INDEX, "depends": ["y"] * 10_001}).encode()})


def test_links_may_dangle_and_leave_but_hide_nothing(tmp_path: Path) -> None:
    links = [(header(f"lib/{n}", tarfile.SYMTYPE, to), b"") for n, to in (("a", "b.so"), ("c", "/usr/lib/c"))]
    found = read(write_raw(tmp_path, links))
    assert found["lib/c"] == (MemberKind.LINK, b"")


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_a_package_cut_short_is_refused_wherever_it_is_cut(tmp_path: Path, suffix: str) -> None:
    whole = build_conda(tmp_path, "x", {"a": b"abc" * 500}, suffix=suffix).read_bytes()
    package = tmp_path / f"cut-1.0-0{suffix}"
    for size in (*range(60), *range(60, len(whole) - 1, 97), len(whole) - 1):
        package.write_bytes(whole[:size])
        with pytest.raises(InputError):
            read(package)


@pytest.mark.parametrize("suffix", [".conda", ".tar.bz2"])
def test_what_follows_an_archive_is_refused(tmp_path: Path, suffix: str) -> None:
    package = build_conda(tmp_path, "x", {"a": b"abc"}, suffix=suffix)
    package.write_bytes(package.read_bytes() + b"more")
    with pytest.raises(InputError):
        read(package)


def test_a_header_that_cannot_be_read_is_no_end(tmp_path: Path) -> None:
    hidden = make_tar([("a", Member(b"a"))])
    index = make_tar([("info/index.json", Member(json.dumps(INDEX).encode()))])
    first = hidden.rstrip(b"\0").ljust(1024, b"\0")
    write_conda(tmp_path / "x.conda", "x", index, first + b"garbage".ljust(512, b"x") + hidden)
    with pytest.raises(InputError, match="belong to no member"):
        read(tmp_path / "x.conda")
    write_conda(tmp_path / "x.conda", "x", index, hidden + hidden)
    with pytest.raises(InputError, match="belong to no member"):
        read(tmp_path / "x.conda")


def test_a_bomb_is_told_before_it_goes_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conda, "_FREE", 1 << 20)
    for suffix in (".conda", ".tar.bz2"):
        package = build_conda(tmp_path, "x", {"zeros": bytes(64 << 20)}, suffix=suffix)
        with pytest.raises(InputError, match="a bomb"):
            read(package)
    monkeypatch.setattr(conda, "MAX_INFLATED", 1 << 20)
    with pytest.raises(InputError, match="a bomb"):
        read(build_conda(tmp_path, "x", {"a": bytes(2 << 20)}))


def test_members_are_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conda, "MAX_MEMBERS", 50)
    with pytest.raises(InputError, match="more than 50 members"):
        read(build_conda(tmp_path, "x", {f"a{n}": b"" for n in range(60)}))
    with pytest.raises(InputError, match="more than 50 directories"):
        read(build_conda(tmp_path, "x", {"/".join("d" * 60): b""}))


def test_a_window_of_gigabytes_is_refused(tmp_path: Path) -> None:
    info = make_tar([("info/index.json", Member(json.dumps(INDEX).encode()))])
    package = tmp_path / "x-1.0-0.conda"
    # A frame whose header asks for a window of 2 GiB (RFC 8878, section 3.1.1.1.2).
    frame = b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("info-x-1.0-0.tar.zst", compress(info, level=3))
        archive.writestr("pkg-x-1.0-0.tar.zst", frame)
    with pytest.raises(InputError, match="damaged"):
        read(package)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["pkg-x.tar.zst"], "has 0 info-"),
        (["info-x.tar.zst"], "has 0 pkg-"),
        (["info-x.tar.zst", "pkg-x.tar.zst", "pkg-y.tar.zst"], "has 2 pkg-"),
        (["../info-x.tar.zst"], "leaves"),
    ],
)
def test_a_conda_has_one_archive_of_each_kind(tmp_path: Path, names: list[str], problem: str) -> None:
    package = tmp_path / "x-1.0-0.conda"
    with zipfile.ZipFile(package, "w") as archive:
        for name in names:
            archive.writestr(name, compress(make_tar([]), level=1))
    with pytest.raises(InputError, match=problem):
        read(package)


def test_what_is_no_package(tmp_path: Path) -> None:
    (tmp_path / "x-1.0-0.conda").write_bytes(b"\x7fELF" + bytes(100))
    with pytest.raises(InputError, match="is no package of conda"):
        read(tmp_path / "x-1.0-0.conda")
    package = build_conda(tmp_path, "x", {"a": b""}, suffix=".tar.bz2")
    assert is_old_package(package)
    (tmp_path / "data.tar.bz2").write_bytes(make_tar([("a", Member(b""))], mode="w:bz2"))
    assert not is_old_package(tmp_path / "data.tar.bz2")
    with pytest.raises(InputError, match=r"has no info/index\.json"):
        describe(tmp_path / "data.tar.bz2")


@pytest.mark.parametrize(
    ("path", "data", "problem"),
    [
        ("info/index.json", b"[" * 100_000, "is not what it must be"),
        ("info/index.json", b"{", "is not what it must be"),
        ("info/index.json", b'{"name": "x"}', "is not what it must be"),
        ("info/index.json", json.dumps({**INDEX, "name": "../x"}).encode(), "name is"),
        ("info/index.json", json.dumps({**INDEX, "name": "a\x1b[2J"}).encode(), "name is"),
        ("info/index.json", json.dumps({**INDEX, "version": "1 0"}).encode(), "version is"),
        ("info/index.json", json.dumps({**INDEX, "build": "/"}).encode(), "build is"),
        ("info/index.json", json.dumps({**INDEX, "subdir": "../.."}).encode(), "subdir is"),
        ("info/index.json", json.dumps({**INDEX, "depends": ["a\nb"]}).encode(), "depends on"),
        ("info/index.json", json.dumps({**INDEX, "depends": [">=1"]}).encode(), "depends on"),
        ("info/paths.json", b'{"paths": [{"_path": "../../etc/x"}]}', "leaves the prefix"),
        ("info/paths.json", b'{"paths": 3}', "is not what it must be"),
        ("info/link.json", b'{"noarch": {"entry_points": 3}}', "is not what it must be"),
        ("info/about.json", b"[]", "is not what it must be"),
    ],
)
def test_absurd_descriptions(path: str, data: bytes, problem: str) -> None:
    kept = {"info/index.json": json.dumps(INDEX).encode(), path: data}
    with pytest.raises(InputError, match=problem) as caught:
        parse_description("x.conda", kept)
    assert str(caught.value).isprintable()


@given(st.dictionaries(st.sampled_from(sorted(conda._READ)), st.binary(max_size=300)))
def test_descriptions_are_read_or_refused(kept: dict[str, bytes]) -> None:
    with suppress(InputError):
        assert parse_description("x.conda", kept).name


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*INDEX, "noarch", "license"]), _VALUES))
def test_indexes_are_read_or_refused(index: dict[str, object]) -> None:
    try:
        said = parse_description("x.conda", {"info/index.json": json.dumps({**INDEX, **index}).encode()})
    except InputError:
        return
    assert said.name
    assert "/" not in said.name + said.version + said.build.build + said.build.subdir


@given(st.text(max_size=60))
def test_names_are_split_or_refused(text: str) -> None:
    parsed = parse_conda_filename(text)
    assert parsed is None or "/" not in "".join(parsed)
    assert find_spec_name(text) == find_spec_name(text).lower()


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("python >=3.11,<3.12.0a0", "python"),
        ("python_abi 3.11.* *_cp311", "python_abi"),
        ("conda-forge::libblas=3.9", "libblas"),
        ("conda-forge/linux-64::libblas", "libblas"),
        ("Ruamel.yaml>=0.17", "ruamel.yaml"),
        ("numpy[version='>=2']", "numpy"),
        ("_libgcc_mutex 0.1 conda_forge", "_libgcc_mutex"),
        ("__cuda", "__cuda"),
        (">=1", ""),
        ("", ""),
    ],
)
def test_the_name_in_a_specification(spec: str, name: str) -> None:
    assert find_spec_name(spec) == name


def test_virtual_packages_are_required_of_nobody() -> None:
    assert make_requires(["__glibc >=2.17", "__cuda", "__unix"]) == ()


def test_paths_relative_to_site_packages() -> None:
    paths = ["lib/python3.13/site-packages/a/b.so", "lib/python3.1", "lib/python3.13/os.py", "lib/libz.so.1"]
    python = find_python_directory(paths)
    assert python == "lib/python3.13/"
    assert [find_site_path(path, python) for path in (*paths, "bin/x", "lib/python3.9/x.so")] == [
        "a/b.so",
        "../../python3.1",
        "../os.py",
        "../../libz.so.1",
        "../../../bin/x",
        "../../python3.9/x.so",
    ]
    assert find_site_path("python-scripts/x", "", noarch=True) == "../../../bin/x"
    assert find_site_path("site-packages/x.py", "") == "../../../site-packages/x.py"


def test_where_links_lead() -> None:
    assert resolve_link("lib/a", "b") == "lib/b"
    assert resolve_link("lib/a", "../bin/b") == "bin/b"
    assert resolve_link("lib/a", "../../b") is None
    assert resolve_link("lib/a", "..//..") is None
    assert resolve_link("lib/a", "/usr/b") is None


def test_packages_in_a_directory(tmp_path: Path) -> None:
    build_conda(tmp_path, "b", {})
    build_conda(tmp_path, "a", {}, suffix=".tar.bz2")
    (tmp_path / "a-1.0-0").mkdir()
    (tmp_path / "repodata.json").touch()
    assert [path.name for path in find_packages(tmp_path)] == ["a-1.0-0.tar.bz2", "b-1.0-0.conda"]
    with pytest.raises(InputError):
        find_packages(tmp_path / "none")
