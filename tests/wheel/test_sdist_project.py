from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.sdist import CARGO, build_sdist
from wheelfix.errors import InputError
from wheelfix.model.sdist import Builder, BuiltManifest, PythonProject
from wheelfix.sdist.read import read_source
from wheelfix.wheel.sdist import read_sdist
from wheelfix.wheel.sdist_project import read_project

RUST = """[build-system]
requires = ["setuptools", "setuptools-rust>=1.5"]
build-backend = "setuptools.build_meta"
"""
MATURIN = '[build-system]\nrequires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n'


def read(
    tmp_path: Path, files: Mapping[str, str], *, info: str | None = "", python: str = "3.12"
) -> PythonProject:
    return read_project(read_sdist(build_sdist(tmp_path, files, info=info)), python)


def built(tmp_path: Path, files: Mapping[str, str]) -> list[str]:
    return [one.path for one in read(tmp_path, files).built]


@pytest.mark.parametrize(
    ("settings", "files", "path"),
    [
        ("", ["Cargo.toml"], "Cargo.toml"),
        ('[tool.maturin]\nmanifest-path = "./src/rust/Cargo.toml"', ["Cargo.toml"], "src/rust/Cargo.toml"),
        ('[tool.maturin]\npython-source = "py"', ["Cargo.toml", "rust/Cargo.toml"], "rust/Cargo.toml"),
        ("", ["Cargo.toml", "rust/Cargo.toml"], "Cargo.toml"),
        ("", ["rust/Cargo.toml"], "rust/Cargo.toml"),
    ],
)
def test_manifest_that_maturin_builds(tmp_path: Path, settings: str, files: list[str], path: str) -> None:
    given = {"pyproject.toml": MATURIN + settings, **dict.fromkeys(files, "")}
    assert built(tmp_path, given) == [path]


def test_features_of_maturin(tmp_path: Path) -> None:
    settings = '[tool.maturin]\nfeatures = ["pyo3/abi3", "x"]\nno-default-features = true\n'
    (one,) = read(tmp_path, {**CARGO, "pyproject.toml": MATURIN + settings}).built
    assert (one.features, one.default_features) == (("pyo3/abi3", "x"), False)


def test_extensions_of_setuptools_rust_in_pyproject(tmp_path: Path) -> None:
    settings = """
[[tool.setuptools-rust.ext-modules]]
target = "a._a"
path = "src/a/Cargo.toml"
rust-version = ">=1.63"
[[tool.setuptools-rust.bins]]
target = "b"
args = ["--no-default-features"]
"""
    project = read(tmp_path, {"pyproject.toml": RUST + settings})
    assert project.builder is Builder.SETUPTOOLS_RUST
    assert project.built == (
        BuiltManifest(
            path="src/a/Cargo.toml", evidence="[[tool.setuptools-rust.ext-modules]]", rust_version="1.63"
        ),
        BuiltManifest(path="Cargo.toml", evidence="[[tool.setuptools-rust.bins]]", default_features=False),
    )


@pytest.mark.parametrize(
    ("call", "paths"),
    [
        ('RustExtension("a._a", path="rust/Cargo.toml", features=["f"])', ["rust/Cargo.toml"]),
        ('setuptools_rust.RustExtension("a._a", "rust/Cargo.toml")', ["rust/Cargo.toml"]),
        ('RustExtension("a._a")', ["Cargo.toml"]),
        ('RustBin("a", path=join(here, "x"))', ["Cargo.toml"]),
        ("syntax error (", []),
        ("", []),
    ],
)
def test_extensions_of_setuptools_rust_in_setup_py(tmp_path: Path, call: str, paths: list[str]) -> None:
    files = {"pyproject.toml": RUST, "Cargo.toml": "", "setup.py": f"setup(rust_extensions=[{call}])"}
    assert built(tmp_path, files) == paths


def test_setup_py_is_not_executed(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    files = {**CARGO, "pyproject.toml": RUST, "setup.py": f"open({str(witness)!r}, 'w')\nRustExtension('a')"}
    assert built(tmp_path, files) == ["Cargo.toml"]
    assert not witness.exists()


def test_computed_path_is_searched_for(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": RUST,
        "setup.py": "RustExtension('a', path=find())",
        "vendor/x/Cargo.toml": "",
        "vendor/x/Cargo.lock": "",
        "native/Cargo.toml": "",
        "native/Cargo.lock": "",
    }
    assert built(tmp_path, files) == ["native/Cargo.toml"]


def test_other_builder_with_a_lock_is_a_guess_and_without_one_no_rust(tmp_path: Path) -> None:
    system = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    assert built(tmp_path, {"pyproject.toml": system, "Cargo.toml": "", "Cargo.lock": ""}) == ["Cargo.toml"]
    assert built(tmp_path, {"pyproject.toml": system, "docs/Cargo.toml": ""}) == []


def test_markers_choose_build_requirements(tmp_path: Path) -> None:
    system = """[build-system]
requires = [
  "Maturin", "cffi; implementation_name != 'pypy'", "tomli; python_version < '3.11'", "x[b,A]", "=bad="
]
"""
    project = read(tmp_path, {"pyproject.toml": system})
    assert project.requires == (("cffi", ()), ("maturin", ()), ("x", ("a", "b")))
    assert ("tomli", ()) in read(tmp_path, {"pyproject.toml": system}, python="3.10").requires


def test_identity_comes_from_pkg_info_and_else_from_pyproject(tmp_path: Path) -> None:
    info = 'Summary: S\nRequires-Dist: cffi>=1; python_version > "3"\nRequires-Dist: other==1.0\n'
    project = read(tmp_path, CARGO, info=info)
    assert (project.name, project.version, project.summary) == ("demo", "1.0", "S")
    assert (project.run_time, project.depends) == (("cffi", "other"), ("other==1.0",))
    text = CARGO["pyproject.toml"].replace('"demo"', '"De.Mo"') + 'dependencies = ["a==2", "b>1"]\n'
    bare = read(tmp_path, {**CARGO, "pyproject.toml": text}, info=None)
    assert (bare.name, bare.version, bare.depends) == ("de-mo", "1.0", ("a==2",))


def test_project_without_build_system_is_built_by_setuptools(tmp_path: Path) -> None:
    project = read(tmp_path, {})
    assert project.requires == (("setuptools", ()), ("wheel", ()))
    assert project.built == ()


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"pyproject.toml": "[["}, "is no TOML"),
        ({"pyproject.toml": MATURIN + '[tool.maturin]\nmanifest-path = "../x/Cargo.toml"'}, "outside of it"),
        ({"pyproject.toml": MATURIN + '[tool.maturin]\nmanifest-path = "/Cargo.toml"'}, "outside of it"),
        ({"pyproject.toml": "a = " + "[" * 5000}, r"is no TOML \(nested too deep\)"),
        ({"pyproject.toml": "a = " + "9" * 5000}, r"is no TOML \(a number in it is too long\)"),
    ],
)
def test_broken_and_hostile_projects_are_refused(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        read(tmp_path, files)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[build-system]\nrequires = 3\n", "build-system.requires: is not a list"),
        ('[build-system]\nrequires = ["a", 1979-05-27]\n', r"build-system.requires\[1\]: is not text"),
        ("[build-system]\nbuild-backend = 4\n", "build-system.build-backend: is not text"),
        ("[tool]\nmaturin = []\n", "tool.maturin: is not a table"),
        (
            "[tool.maturin]\nno-default-features = 1\n",
            "tool.maturin.no-default-features: is not true or false",
        ),
        ("[tool.maturin]\nfeatures = [nan]\n", r"tool.maturin.features\[0\]: is neither text nor a table"),
        ("[[tool.setuptools-rust.bins]]\npath = 1\n", r"tool.setuptools-rust.bins\[0\].path: is not text"),
        ("[project]\nname = 1.5\n", "project.name: is not text"),
    ],
)
def test_types_that_do_not_fit_are_refused(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(InputError, match=f"demo-1.0.tar.gz: pyproject.toml: {where}") as caught:
        read(tmp_path, {"pyproject.toml": text})
    assert caught.value.hint == "report it to the project's authors"


def test_what_is_not_known_is_passed_over(tmp_path: Path) -> None:
    text = (
        MATURIN
        + '[tool.maturin]\nlater = nan\nfeatures = ["a", { feature = "b", python-version = ">=3.13" }]\n'
    )
    text += "[tool.other]\nx = 1979-05-27\n[later]\nx = [1]\n"
    (built,) = read(tmp_path, {"pyproject.toml": text, "Cargo.toml": ""}).built
    assert built.features == ("a",)


def test_source_tree_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither PKG-INFO nor a name"):
        read(tmp_path, {"pyproject.toml": MATURIN}, info=None)


def test_what_a_source_tree_carries_for_others_is_not_its_own(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": '[build-system]\nrequires = ["meson-python"]\nbuild-backend = "mesonpy"\n'
        '[project]\nname = "demo"\nversion = "1.0"\n',
        "vendored-meson/test cases/1/Cargo.toml": "[package]\nname = [",
        "vendored-meson/test cases/1/Cargo.lock": "version = 4\n",
    }
    tree = read_sdist(build_sdist(tmp_path, files))
    assert read_project(tree, "3.12").built == ()
    files["native/Cargo.toml"] = '[package]\nname = "demo"\nversion = "1.0.0"\nedition = "2021"\n'
    files["native/Cargo.lock"] = 'version = 4\n[[package]]\nname = "demo"\nversion = "1.0.0"\n'
    tree = read_sdist(build_sdist(tmp_path, files))
    assert [one.path for one in read_project(tree, "3.12").built] == ["native/Cargo.toml"]
    assert sorted(read_source(tree).manifests) == ["native/Cargo.toml"]
