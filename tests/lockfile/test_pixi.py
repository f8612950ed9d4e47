"""pixi.lock: every version that pixi has written, packages of PyPI of all kinds, and what is no such lock."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wheelfix.errors import InputError
from wheelfix.lockfile.read import read_lock
from wheelfix.model.lock import Lock, LockedPackage, SourceKind
from wheelfix.model.lock_formats import LockKind

A, B, C = "a" * 64, "b" * 64, "c" * 64
MD5 = "d" * 32
CHANNEL = "https://conda.example.org/forge"
FILES = "https://files.example.org/packages"
GIT = "git+https://code.example.org/demo/tool.git?rev=v1#0123456789012345678901234567890123456789"

V1 = f"""\
version: 1
metadata:
  content_hash:
    linux-64: {A}
  channels:
  - url: {CHANNEL}/
    used_env_vars: []
  platforms:
  - linux-64
  sources: []
  time_metadata: null
  git_metadata: null
  inputs_metadata: null
  custom_metadata: null
package:
- platform: linux-64
  name: zlib
  version: 1.3.1
  category: main
  manager: conda
  dependencies:
    libgcc-ng: '>=12'
  url: {CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda
  hash:
    md5: {MD5}
    sha256: {A}
  optional: false
  build: h0_0
  arch: x86_64
  subdir: linux-64
  build_number: 0
  license: Zlib
  size: 12
"""
ONE = f"""\
version: 6
environments:
  default:
    channels:
    - url: {CHANNEL}/
    packages:
      linux-64:
      - conda: {CHANNEL}/linux-64/x-1.0-0.conda
packages:
- conda: {CHANNEL}/linux-64/x-1.0-0.conda
  sha256: {A}
"""
V4 = f"""\
version: 4
environments:
  default:
    channels:
    - url: {CHANNEL}/
    packages:
      linux-64:
      - conda: {CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda
      - pypi: {FILES}/six-1.16.0-py2.py3-none-any.whl
packages:
- kind: conda
  name: zlib
  version: 1.3.1
  build: h0_0
  build_number: 0
  subdir: linux-64
  url: {CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda
  sha256: {A}
  md5: {MD5}
  depends:
  - libgcc-ng >=12
  license: Zlib
  size: 12
- kind: pypi
  name: six
  version: 1.16.0
  url: {FILES}/six-1.16.0-py2.py3-none-any.whl
  sha256: {B}
  requires_python: '>=2.7'
"""
V6 = f"""\
version: 6
environments:
  test:
    channels:
    - url: {CHANNEL}/
    - url: https://conda.example.org/own/
    indexes:
    - https://pypi.example.org/simple
    packages:
      linux-64:
      - conda: {CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda
      - conda: {CHANNEL}/noarch/pure-1.0-pyhd_0.conda
      - pypi: {FILES}/core-2.0-cp312-cp312-manylinux_2_28_x86_64.whl
      osx-arm64:
      - pypi: {FILES}/core-2.0-cp312-cp312-macosx_11_0_arm64.whl
  default:
    channels:
    - url: {CHANNEL}/
    indexes:
    - https://pypi.example.org/simple
    packages:
      linux-64:
      - conda: {CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda
      - conda: packages/own%20tool-1!2.0-h0_0.conda
      - conda: ../builds/app
      - pypi: {FILES}/core-2.0-cp311-cp311-manylinux_2_28_x86_64.whl
      - pypi: {FILES}/old-0.1.tar.gz
      - pypi: {GIT}
      - pypi: wheels/local-1.0-py3-none-any.whl
      - pypi: ./
packages:
- conda: {CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda
  sha256: {A}
  md5: {MD5}
  depends:
  - libgcc-ng >=12
  license: Zlib
  size: 12
- conda: {CHANNEL}/noarch/pure-1.0-pyhd_0.conda
  sha256: {B}
  md5: {MD5}
  depends:
  - python >=3.9
  size: 12
- conda: packages/own%20tool-1!2.0-h0_0.conda
  name: own-tool
  version: 1!2.0
  build: h0_0
  subdir: linux-64
  md5: {MD5}
  python_site_packages_path: lib/python3.12/site-packages
- conda: ../builds/app
  name: app
  version: 0.1.0
  build: h1_0
  subdir: linux-64
  depends:
  - zlib
- pypi: {FILES}/core-2.0-cp311-cp311-manylinux_2_28_x86_64.whl
  name: core
  version: '2.0'
  sha256: {A}
  requires_dist:
  - six
  - colorama ; sys_platform == 'win32'
  - pytest ; extra == 'test'
- pypi: {FILES}/core-2.0-cp312-cp312-manylinux_2_28_x86_64.whl
  name: core
  version: '2.0'
  sha256: {B}
- pypi: {FILES}/core-2.0-cp312-cp312-macosx_11_0_arm64.whl
  name: core
  version: '2.0'
  sha256: {C}
- pypi: {FILES}/old-0.1.tar.gz
  name: old
  version: '0.1'
  sha256: {A}
- pypi: {GIT}
  name: tool
  version: '1.0'
- pypi: wheels/local-1.0-py3-none-any.whl
  name: local
  version: '1.0'
  sha256: {B}
- pypi: ./
  name: project
  version: 0.1.0
  sha256: {C}
  editable: true
"""
V7 = f"""\
version: 7
platforms:
- name: linux-64
- name: gpu
  subdir: linux-64
  virtual-packages:
  - __cuda=12
environments:
  default:
    channels:
    - url: {CHANNEL}/
    packages:
      gpu:
      - conda: {CHANNEL}/linux-64/zlib-1.3.1-h0_1.conda
      linux-64:
      - conda: {CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda
      - pypi: ./
packages:
- conda: {CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda
  sha256: {A}
  md5: {MD5}
- conda: {CHANNEL}/linux-64/zlib-1.3.1-h0_1.conda
  sha256: {B}
  md5: {MD5}
- pypi: ./
  name: project
  requires_dist:
  - part @ file:part
"""


def write(directory: Path, text: str) -> Path:
    path = directory / "pixi.lock"
    path.write_text(text)
    return path


@pytest.mark.parametrize("text", [V1, V4], ids=["1", "4"])
def test_older_locks_are_read(tmp_path: Path, text: str) -> None:
    lock = read_lock(write(tmp_path, text))
    assert (lock.kind, lock.groups, lock.default_groups) == (LockKind.PIXI, ("default",), ("default",))
    assert [(p.name, p.subdir) for p in lock.platforms] == [("linux-64", "linux-64")]
    (zlib,) = lock.conda
    assert (zlib.label, zlib.build, zlib.subdir, zlib.platform) == (
        "zlib 1.3.1",
        "h0_0",
        "linux-64",
        "linux-64",
    )
    assert (zlib.url, zlib.filename) == (f"{CHANNEL}/linux-64/zlib-1.3.1-h0_0.conda", "zlib-1.3.1-h0_0.conda")
    assert (zlib.sha256, zlib.md5, zlib.size) == (A, MD5, 12)
    assert zlib.depends == ("libgcc-ng >=12",)
    assert [(p.name, p.version, p.source) for p in lock.packages] == (
        [("six", "1.16.0", SourceKind.INDEX)] if text == V4 else []
    )


def test_packages_of_conda_have_their_environments(tmp_path: Path) -> None:
    lock = read_lock(write(tmp_path, V6))
    assert lock.groups == ("default", "test")
    assert lock.channels == (f"{CHANNEL}/", "https://conda.example.org/own/")
    assert [(p.name, p.in_groups) for p in lock.platforms] == [
        ("linux-64", ("default", "test")),
        ("osx-arm64", ("test",)),
    ]
    found = {one.name: one for one in lock.conda}
    assert list(found) == ["app", "own-tool", "pure", "zlib"]
    assert found["zlib"].in_groups == ("default", "test")
    assert (found["pure"].noarch, found["pure"].subdir, found["pure"].in_groups) == (
        "python",
        "noarch",
        ("test",),
    )
    own = found["own-tool"]
    assert (own.url, own.path, own.filename) == (
        "",
        "packages/own%20tool-1!2.0-h0_0.conda",
        "own tool-1!2.0-h0_0.conda",
    )
    assert (own.version, own.sha256, own.md5) == ("1!2.0", None, MD5)
    assert own.site_packages == "lib/python3.12/site-packages"
    assert (found["app"].source, found["app"].filename, found["app"].url) == ("../builds/app", "", "")


def test_files_of_one_version_are_merged_over_platforms_and_not_over_environments(tmp_path: Path) -> None:
    packages = [p for p in read_lock(write(tmp_path, V6)).packages if p.name == "core"]
    assert [(p.in_groups, p.platforms, [w.sha256 for w in p.wheels]) for p in packages] == [
        (("default",), ("linux-64",), [A]),
        (("test",), (), [B, C]),
    ]
    edges = [(d.name, d.marker) for d in packages[0].dependencies]
    assert edges == [("six", ""), ("colorama", 'sys_platform == "win32"')]


def test_each_kind_of_source_is_told(tmp_path: Path) -> None:
    found: dict[str, LockedPackage] = {p.name: p for p in read_lock(write(tmp_path, V6)).packages}
    kinds = {name: package.source for name, package in found.items()}
    assert kinds == {
        "core": SourceKind.INDEX,
        "local": SourceKind.ARCHIVE,
        "old": SourceKind.INDEX,
        "project": SourceKind.LOCAL,
        "tool": SourceKind.VCS,
    }
    assert found["local"].wheels[0].path == "wheels/local-1.0-py3-none-any.whl"
    old = found["old"].sdist
    assert old
    assert (old.filename, old.url) == ("old-0.1.tar.gz", f"{FILES}/old-0.1.tar.gz")


def test_platforms_may_have_names_of_their_own(tmp_path: Path) -> None:
    lock = read_lock(write(tmp_path, V7))
    assert [(p.name, p.subdir) for p in lock.platforms] == [("gpu", "linux-64"), ("linux-64", "linux-64")]
    assert [(p.platform, p.build) for p in lock.conda] == [("gpu", "h0_1"), ("linux-64", "h0_0")]
    (project,) = lock.packages
    assert (project.version, project.source) == (None, SourceKind.LOCAL)
    assert [d.name for d in project.dependencies] == ["part"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "version: 1000\nenvironments: {}\npackages: []\n",
            "has version 1000 of the format, which py-rattler",
        ),
        (V6.replace("linux-64:", "linux-64: ["), "is no YAML (did not find expected node content)"),
        (V6.replace(f"sha256: {A}", "sha256: zz", 1), "is no lock that py-rattler reads ("),
        (V6.replace("name: local", "name: lo cal"), "is no lock that py-rattler reads ("),
        ("version: 6\n", "is no lock that py-rattler reads (missing field `environments`"),
        ("", "is no lock that py-rattler reads ("),
        (V6.replace("own%20tool-1!2.0-h0_0.conda", "..%2f..%2fown-1-0.conda"), "names no file"),
    ],
)
def test_what_is_no_lock_is_refused_in_one_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read_lock(write(tmp_path, text))
    assert problem in caught.value.problem
    assert "\n" not in f"{caught.value}{caught.value.hint}"
    assert caught.value.hint
    assert caught.value.subject.startswith("pixi.lock")


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ('subdir: "../../x"', "subdir: '../../x' is no platform of conda"),
        ('depends: ["\\u202ex"]', "depends: '\\u202ex' is no match specification"),
        ('depends: ["\\0"]', "depends: '\\x00' is no match specification"),
        ('python_site_packages_path: "../../etc"', "'../../etc' is no directory in a prefix"),
        ("python_site_packages_path: /etc", "'/etc' is no directory in a prefix"),
    ],
)
def test_what_no_package_says_of_itself_is_refused(tmp_path: Path, key: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read_lock(write(tmp_path, f"{ONE}  {key}\n"))
    assert problem in f"{caught.value}"


def test_credentials_of_channels_are_not_kept_in_what_packages_depend_on(tmp_path: Path) -> None:
    text = f'{ONE}  depends: ["https://me:secret@conda.example.org/t/token/own::y >=1"]\n'
    (package,) = read_lock(write(tmp_path, text)).conda
    assert package.depends == ("https://conda.example.org/own::y >=1",)


def test_a_line_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_lock(write(tmp_path, V4 + "\t- x"))
    assert caught.value.subject == f"pixi.lock: line {V4.count(chr(10)) + 1}"


def test_without_the_extra_one_line_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rattler", None)
    with pytest.raises(InputError, match=r"^pixi\.lock: needs wheelfix\[conda\]$"):
        read_lock(write(tmp_path, V6))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pixi")


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_any_change_is_read_or_refused_in_one_line(work: Path, data: st.DataObject) -> None:
    """Rust's panics, too, end in one line."""
    lines = data.draw(st.sampled_from([V1, V4, V6, V7])).splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    key, colon, _ = lines[at].partition(": ")
    junk = st.sampled_from(
        [
            "",
            "[]",
            "{}",
            "~",
            "../..",
            "-1",
            "9" * 400,
            "file:///x",
            "https://[",
            "\x01",
            "é",
            "a\\0b",
            "://x",
            "@",
        ]
    )
    new = data.draw(junk | st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
    lines[at] = data.draw(
        st.sampled_from([f"{key}{colon}{new}", f"{key}{colon}'{new}'", new, f"{lines[at]}{new}"])
    )
    lock, error = _try(write(work, "\n".join(lines)))
    if error:
        assert "\n" not in f"{error}{error.hint}"
    assert lock is None or all("/" not in one.filename for one in lock.conda)


def _try(path: Path) -> tuple[Lock | None, InputError | None]:
    try:
        return read_lock(path), None
    except InputError as error:
        return None, error
