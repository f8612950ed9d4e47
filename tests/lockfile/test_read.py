"""Lock files of all formats become one model, and damaged ones an error that says where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wheelfix.errors import InputError
from wheelfix.lockfile.read import read_lock, read_project, read_rules
from wheelfix.model.lock import Kind, LockKind, SourceKind

LOCKS = Path(__file__).parents[2] / "fixtures" / "locks"
HASH = "a" * 64


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.write_text(text)
    return path


def test_uv_lock() -> None:
    lock = read_lock(LOCKS / "workbench.uv.lock")
    assert (lock.kind, lock.roots, lock.requires_python) == (LockKind.UV, ("workbench",), ">=3.12, <3.14")
    assert len(lock.packages) == 59
    torch = next(p for p in lock.packages if p.name == "torch")
    toolkit = next(d for d in torch.dependencies if d.name == "cuda-toolkit")
    assert toolkit.extras[:3] == ("cublas", "cudart", "cufft")
    assert torch.wheels[1].filename == "torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert torch.wheels[1].sha256 == "6d8c86f4e33a9f12a58149bd9b0d64351632b8eb44479be8ff85e5389932dd79"
    assert torch.sdist is None
    (root,) = (p for p in lock.packages if p.source is SourceKind.LOCAL)
    assert [(e.name, [d.name for d in e.dependencies]) for e in root.extras] == [("web", ["uvicorn"])]
    assert [(g.name, [d.name for d in g.dependencies]) for g in root.groups] == [("dev", ["pytest"])]


@pytest.mark.parametrize("name", ["workbench.pylock.toml", "workbench.requirements.txt"])
def test_exports_name_the_same_packages(name: str) -> None:
    exported = read_lock(LOCKS / name)
    uv = {p.name: p for p in read_lock(LOCKS / "workbench.uv.lock").packages}
    assert len(exported.packages) == 55
    for package in exported.packages:
        known = uv[package.name]
        assert package.version == known.version
        digests = {f.sha256 for f in (*known.wheels, *((known.sdist,) if known.sdist else ()))}
        ours = set(package.hashes) or {
            f.sha256 for f in (*package.wheels, *((package.sdist,) if package.sdist else ()))
        }
        assert ours <= digests


def test_poetry_lock_without_its_project() -> None:
    lock = read_lock(LOCKS / "arrow.poetry.lock")
    assert (lock.kind, lock.roots, lock.requires_python) == (LockKind.POETRY, ("arrow",), "")
    arrow = lock.packages[0]
    assert [d.name for d in arrow.dependencies] == ["python-dateutil", "tzdata"]
    assert arrow.wheels[0].filename == "arrow-1.4.0-py3-none-any.whl"
    assert arrow.sdist is not None
    assert [e.name for e in arrow.extras] == ["doc", "test"]


def test_poetry_lock_with_its_project(tmp_path: Path) -> None:
    path = write(tmp_path, "poetry.lock", (LOCKS / "arrow.poetry.lock").read_text())
    write(tmp_path, "pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.8"\nsix = "*"\n')
    assert read_lock(path).roots == ("six",)


def test_requirements_take_comments_options_and_continued_lines(tmp_path: Path) -> None:
    text = "# made by hand\n--index-url https://index.invalid\nDemo_Pkg==1.0 ; python_version > '3' \\\n"
    text += f"    --hash=sha256:{HASH}\n"
    (package,) = read_lock(write(tmp_path, "requirements.txt", text)).packages
    assert (package.name, package.version, package.hashes) == ("demo-pkg", "1.0", (HASH,))
    assert package.marker == 'python_version > "3"'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("demo==1.0\n", "requirements.txt: line 1: demo has no sha256"),
        (f"\ndemo>=1.0 --hash=sha256:{HASH}\n", "requirements.txt: line 2: demo is not pinned"),
        ("-r other.txt\n", "requirements.txt: line 1: -r names another file"),
        (f"??? --hash=sha256:{HASH}\n", "requirements.txt: line 1: .* is no requirement"),
    ],
)
def test_requirements_that_are_no_lock(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(InputError, match=where):
        read_lock(write(tmp_path, "requirements.txt", text))


UV = (
    'version = 1\n[[package]]\nname = "demo"\nversion = "1.0"\n'
    'source = { registry = "https://index.invalid/simple" }\n'
)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("version = 2\n", "uv.lock: version: is 2; wheelfix reads version 1"),
        ("version = 1\npackage = 3\n", "uv.lock: package: is not a list"),
        (UV.replace('name = "demo"\n', ""), r"uv.lock: package\[0\].name: is missing"),
        (UV.replace('"demo"', '"../x"'), r"uv.lock: package\[0\].name: '../x' is no name"),
        (UV + "wheels = [{ url = 3 }]\n", r"uv.lock: package\[0\].wheels\[0\].url: is not text"),
        (
            UV + 'wheels = [{ url = "https://h.invalid/", hash = "sha256:1" }]\n',
            r"uv.lock: package\[0\].wheels\[0\].hash: is no sha256|wheels\[0\].url: .* names no file",
        ),
        (
            UV + 'wheels = [{ url = "https://h.invalid/..%2F..%2Fx.whl" }]\n',
            r"uv.lock: package\[0\].wheels\[0\].url: .* names no file",
        ),
        (
            UV + 'dependencies = [{ marker = "x" }]\n',
            r"uv.lock: package\[0\].dependencies\[0\].name: is missing",
        ),
        ("not = toml =", "uv.lock: is no TOML"),
        ("[a]\n", "uv.lock: is no lock file that wheelfix knows"),
    ],
)
def test_damaged_uv_lock(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(InputError, match=where):
        read_lock(write(tmp_path, "uv.lock", text))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (
            'lock-version = "9.0"\ncreated-by = "x"\npackages = []\n',
            "pylock.toml: lock-version: is not supported",
        ),
        ('lock-version = "1.0"\ncreated-by = "x"\n[[packages]]\nname = 3\n', r"pylock.toml: packages\[0\]"),
    ],
)
def test_damaged_pylock(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(InputError, match=where):
        read_lock(write(tmp_path, "pylock.toml", text))


def test_missing_lock_and_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_lock(tmp_path / "uv.lock")
    with pytest.raises(InputError, match="is a directory"):
        read_lock(tmp_path)


def test_rules_of_project_and_flags(tmp_path: Path) -> None:
    write(
        tmp_path,
        "pyproject.toml",
        '[tool.wheelfix.providers]\ndefault = "wheel,sdist,nixpkgs"\n'
        'torch = "nixpkgs:python312Packages.torchWithoutCuda"\n"num*" = "sdist"\n',
    )
    rules = read_rules(read_project(tmp_path), ("numpy=wheel",))
    assert [rule.pattern for rule in rules] == ["numpy", "torch", "num*", "default"]
    assert rules[1].attr == "python312Packages.torchWithoutCuda"
    assert rules[3].kinds == (Kind.WHEEL, Kind.SDIST, Kind.NIXPKGS)


@pytest.mark.parametrize("flag", ["numpy", "numpy=conda", "numpy=sdist:x", "=wheel"])
def test_rules_that_are_none(flag: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"--provider {flag}")):
        read_rules(None, (flag,))


def test_a_wheel_that_the_project_names_by_its_path(tmp_path: Path) -> None:
    """As ``uv lock`` writes it: the path is in ``source``, the file has a name and a hash."""
    wheel = "demo-1.0-py3-none-any.whl"
    text = (
        'version = 1\nrequires-python = ">=3.11"\n'
        '[[package]]\nname = "app"\nversion = "0"\nsource = { virtual = "." }\n'
        'dependencies = [{ name = "demo" }]\n'
        f'[[package]]\nname = "demo"\nversion = "1.0"\nsource = {{ path = "wheels/{wheel}" }}\n'
        f'wheels = [{{ filename = "{wheel}", hash = "sha256:{HASH}" }}]\n'
    )
    (file,) = read_lock(write(tmp_path, "uv.lock", text)).packages[1].wheels
    assert (file.path, file.sha256) == (f"wheels/{wheel}", HASH)
