"""Lock files of all formats become one model, and damaged ones an error that says where."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wheelfix.errors import InputError
from wheelfix.lockfile.project import parse_project, render_project
from wheelfix.lockfile.read import read_lock, read_project, read_rules
from wheelfix.model.lock import ChoiceKind, SourceKind
from wheelfix.model.lock_formats import LockKind

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
    assert (lock.kind, lock.roots, lock.requires_python) == (LockKind.POETRY, ("arrow",), ">=3.9,<4")
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
        ("version = 2\npackage = 3\n", "uv.lock: version: is 2; wheelfix reads version 1"),
        ("version = true\n", "uv.lock: version: is not a whole number"),
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
        (
            UV + '[package.optional-dependencies]\n"a b" = [{ name = "x" }, { name = 3 }]\n',
            r"uv.lock: package\[0\].optional-dependencies.'a b'\[1\].name: is not text",
        ),
        (
            UV + '[package.dev-dependencies]\n"a b" = [{ name = "x" }, { name = "../x" }]\n',
            r"uv.lock: package\[0\].dev-dependencies.'a b'\[1\].name: '../x' is no name",
        ),
        (UV + 'sdist = { hash = "sha256:1" }\n', r"uv.lock: package\[0\].sdist: names neither url nor path"),
        (UV.replace('registry = "https', 'mirror = "https'), r"package\[0\].source.registry: is missing"),
        (UV.replace('"1.0"', '"one"'), r"uv.lock: package\[0\].version: 'one' is no version"),
        (UV.replace('"1.0"', '"1.0\\n"'), r"uv.lock: package\[0\].version: '1.0\\n' has blanks around it"),
        (UV.replace('"1.0"', f'"{"9" * 5000}"'), r"uv.lock: package\[0\].version: '9{60}' is no version"),
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


POETRY = '[[package]]\nname = "demo"\nversion = "1.0"\n'
POETRY_END = '[metadata]\nlock-version = "2.1"\n'


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[metadata]\nlock-version = 2\n", "metadata.lock-version: is not text"),
        ('[metadata]\nlock-version = "3.0"\n', "metadata.lock-version: is '3.0'; wheelfix reads"),
        (POETRY.replace('"1.0"', '"one"') + POETRY_END, r"package\[0\].version: 'one' is no version"),
        (POETRY.replace("version", "other") + POETRY_END, r"package\[0\].version: is missing"),
        (POETRY + "files = [{ file = 3 }]\n" + POETRY_END, r"package\[0\].files\[0\].file: is not text"),
        (
            POETRY + 'files = [{ file = "a/..", hash = "sha256:1" }]\n' + POETRY_END,
            r"package\[0\].files\[0\].file: 'a/..' names no file",
        ),
        (
            POETRY + 'markers = ["a"]\n' + POETRY_END,
            r"package\[0\].markers: is neither text nor a table",
        ),
        (POETRY + "markers = { dev = 3 }\n" + POETRY_END, r"package\[0\].markers.dev: is not text"),
        (
            POETRY + "[package.dependencies]\nx = 3\n" + POETRY_END,
            r"package\[0\].dependencies.x: is neither text nor a table nor a list",
        ),
        (
            POETRY + "[package.dependencies]\nx = [{ optional = 1 }]\n" + POETRY_END,
            r"package\[0\].dependencies.x\[0\].optional: is not true or false",
        ),
    ],
)
def test_damaged_poetry_lock(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(InputError, match=f"poetry.lock: {where}"):
        read_lock(write(tmp_path, "poetry.lock", text))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("[project]\nrequires-python = 3.12\n", "project.requires-python: is not text"),
        ("[tool.uv]\ndefault-groups = 3\n", "tool.uv.default-groups: is neither text nor a list"),
        ('[tool.uv]\ndefault-groups = "dev"\n', 'tool.uv.default-groups: is neither a list nor "all"'),
        ("[tool.wheelfix.providers]\ntorch = 3\n", "tool.wheelfix.providers.torch: is not text"),
        ("[dependency-groups]\ndev = [3]\n", r"dependency-groups.dev\[0\]: is neither text nor a table"),
        ("tool = 3\n", "tool: is not a table"),
    ],
)
def test_damaged_project_beside_a_lock(tmp_path: Path, text: str, where: str) -> None:
    write(tmp_path, "pyproject.toml", text)
    with pytest.raises(InputError, match=f"pyproject.toml: {where}") as caught:
        read_lock(write(tmp_path, "uv.lock", UV))
    assert caught.value.hint == "correct it"


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "empty": ("", "is no lock file"),
    "no TOML": ("\0", r"is no TOML \("),
    "no UTF-8": (b'version = "\xff"\n', "is no text in UTF-8"),
    "half a surrogate pair, encoded": (b'version = "\xed\xa0\x80"\n', "is no text in UTF-8"),
    "half a surrogate pair, escaped": ('version = "\\ud800"\n', r"is no TOML \("),
    "lists in lists": ("x = " + "[" * 10_000, r"is no TOML \(nested too deep\)"),
    "tables in tables": ("x = " + "{ a = " * 10_000, r"is no TOML \(nested too deep\)"),
    "a number of many digits": (f"version = {'9' * 5000}\n", r"is no TOML \(a number in it is too long\)"),
    "a key twice": ("version = 1\nversion = 1\n", r"is no TOML \("),
    "a table twice": ("[metadata]\n[metadata]\n", r"is no TOML \("),
}


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pylock.toml"])
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_locks(tmp_path: Path, name: str, case: str) -> None:
    data, problem = HOSTILE[case]
    (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(InputError, match=problem) as caught:
        read_lock(tmp_path / name)
    assert name in caught.value.subject


@pytest.mark.parametrize("junk", ["nan", "-inf", "1.0", "1979-05-27", "1979-05-27T00:00:00Z", "[]", "true"])
@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("uv.lock", UV + "wheels = [{ url = JUNK }]", "package[0].wheels[0].url"),
        ("uv.lock", UV + "wheels = [{ size = JUNK }]", "package[0].wheels[0].size"),
        ("poetry.lock", POETRY + "files = [{ file = JUNK }]\n" + POETRY_END, "package[0].files[0].file"),
        ("poetry.lock", POETRY + POETRY_END + "python-versions = JUNK", "metadata.python-versions"),
        ("pylock.toml", 'created-by = "x"\npackages = []\nlock-version = JUNK', "lock-version"),
    ],
)
def test_values_of_other_types(tmp_path: Path, name: str, text: str, place: str, junk: str) -> None:
    with pytest.raises(InputError) as caught:
        read_lock(write(tmp_path, name, text.replace("JUNK", junk)))
    assert caught.value.subject == f"{name}: {place}"


def test_a_key_of_many_parts_is_not_looked_at(tmp_path: Path) -> None:
    text = UV + ".".join("a" * 3000) + " = 1\n"
    assert len(read_lock(write(tmp_path, "uv.lock", text)).packages) == 1


def test_a_project_nested_too_deep_to_be_copied() -> None:
    text = '[project]\nname = "a"\n[tool.uv.sources]\n' + ".".join("a" * 5000) + " = 1\n"
    with pytest.raises(InputError, match=r"pyproject.toml: is nested too deep"):
        render_project(parse_project("pyproject.toml", text), "lab", "3.12")


def test_formats_grow(tmp_path: Path) -> None:
    """Unknown keys are not looked at, whatever is in them."""
    text = UV + 'wheels = [{ url = "https://h.invalid/a-1-py3-none-any.whl", later = nan }]\nlater = [1]\n'
    (package,) = read_lock(write(tmp_path, "uv.lock", "later = {}\n" + text)).packages
    assert [wheel.filename for wheel in package.wheels] == ["a-1-py3-none-any.whl"]


def test_a_byte_order_mark_is_no_part_of_a_lock(tmp_path: Path) -> None:
    assert read_lock(write(tmp_path, "uv.lock", "\ufeff" + UV)).packages[0].name == "demo"


@pytest.mark.parametrize(
    "source", ['path = "dist/demo-1.0.tar.gz"', 'url = "https://h.invalid/demo-1.0.tar.gz"']
)
def test_an_sdist_that_the_project_names_itself(tmp_path: Path, source: str) -> None:
    """As ``uv lock`` writes it: where it is stands in ``source`` alone."""
    text = f'version = 1\n[[package]]\nname = "demo"\nsource = {{ {source} }}\n'
    text += f'sdist = {{ hash = "sha256:{HASH}" }}\n'
    sdist = read_lock(write(tmp_path, "uv.lock", text)).packages[0].sdist
    assert sdist is not None
    key, _, place = source.partition(" = ")
    assert (sdist.filename, getattr(sdist, key)) == ("demo-1.0.tar.gz", place.strip('"'))
    assert (sdist.url is None) != (sdist.path is None)


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
    assert rules[3].kinds == (ChoiceKind.WHEEL, ChoiceKind.SDIST, ChoiceKind.NIXPKGS)


@pytest.mark.parametrize("flag", ["numpy", "numpy=condo", "numpy=sdist:x", "=wheel"])
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


def test_dependency_groups_may_hold_objects_that_this_program_does_not_know() -> None:
    """Tools are to look at a group when it is asked for (PEP 735)."""
    text = '[dependency-groups]\ndev = ["a>=1", {include-group = "x"}]\n'
    text += 'future = [{kind = "x", opts = ["y"]}, {include-group = "b", x = 1}]\n'
    assert parse_project("pyproject.toml", text).requirements == ("a>=1",)
