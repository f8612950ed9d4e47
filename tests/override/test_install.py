"""What packages do after their installation: evaluated by Nix, and run by a shell."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.golden import ask_stub
from tests.support.shell import run_shell
from wheelfix.model.base import replace
from wheelfix.model.hints import SourceEdit
from wheelfix.model.override import (
    Cuda,
    Dialect,
    OpenedLibrary,
    Override,
    PackageDetails,
    Shim,
    Substitution,
)
from wheelfix.override.dialects import render_overrides
from wheelfix.pysource.edits import apply_edit
from wheelfix.pysource.shim import name_shim, read_shim

SITE = "lib/python3.12/site-packages"
OVERLAYS = [Dialect.UV2NIX, Dialect.PYPROJECT_NIX, Dialect.POETRY2NIX]
WRITING = [*OVERLAYS, Dialect.NIXPKGS, Dialect.MACH_NIX]
STORE = "/nix/store/00000000000000000000000000000000"
LIBRARY = f"{STORE}-file/lib/libmagic.so.1"
WRITTEN = re.compile(r"'<<(?P<name>[^>]*)>>(?P<text>.*?)<<end>>'", re.DOTALL)
# The text is part of the result, so that a file can be made of it.
WRITER = "writeText = name: text: \"'<<${name}>>${text}<<end>>'\";"


def library(
    name: str = "libmagic.so.1", attr: str = "file", reason: str = "a.py: x, line 1"
) -> OpenedLibrary:
    path = f"/lib/{name}" if attr else f"/run/opengl-driver/lib/{name}"
    return OpenedLibrary(attr=attr, path=path, reason=reason, why="why")


def substitution(file: str = "demo/a.py", edit: tuple[str, str, str] = ("'x'", "'", "'")) -> Substitution:
    old, before, after = edit
    return Substitution(
        name="libmagic.so.1",
        file=file,
        edit=SourceEdit(old=old, before=before, after=after),
        library=library(),
    )


def make(name: str = "demo", *substitutions: Substitution, shim: Shim | None = None) -> Override:
    return Override(
        name=name,
        version="1.0",
        target=f"{name}-1.0-py3-none-any.whl",
        tags=("py3-none-any",),
        cuda=Cuda.WHEELS,
        substitutions=substitutions,
        shim=shim,
        details=PackageDetails(filename=f"{name}-1.0-py3-none-any.whl", sha256=bytes(32), attr=name),
    )


def make_shim(
    modules: Sequence[str] = ("demo",),
    names: Sequence[str] = ("libmagic.so.1",),
    preload: Sequence[str] = (),
    anchors: Mapping[str, str] | None = None,
) -> Shim:
    return Shim(
        modules=tuple(modules),
        libraries=tuple((name, library(name)) for name in names),
        preload=tuple(preload),
        sources=1,
        anchors=tuple((anchors or {}).items()),
    )


def evaluate(directory: Path, overrides: Sequence[Override], dialect: Dialect) -> list[str]:
    """The shell code of each package."""
    path = directory / "code.nix"
    path.write_text(render_overrides(overrides, [], dialect))
    names = [one.name for one in overrides]
    take = f"f: f (stub.take f // builtins.intersectAttrs (builtins.functionArgs f) {{ {WRITER} }})"
    world = f"let pkgs = stub.pkgs // {{ {WRITER} }}; inherit (stub) lib; take = {take}; in"
    if dialect is Dialect.MACH_NIX:
        code = f"let s = import {path} {{ inherit pkgs; }}; in map (n: s._.${{n}}.postInstall.add) names"
    elif dialect is Dialect.NIXPKGS and len(names) == 1:
        code = f"let f = import {path}; in [ (take f).args.postInstall ]"
    elif dialect is Dialect.NIXPKGS:
        code = (
            f"let final = {{ callPackage = f: _: take f; }} // import {path} final {{ inherit lib pkgs; }}; "
            "in map (n: final.${n}.args.postInstall) names"
        )
    else:
        code = (
            f"let set = stub.apply (import {path} {{ inherit pkgs lib; }}); "
            "in map (n: set.${n}.postInstall) names"
        )
    listed = " ".join(f'"{name}"' for name in names)
    packages: dict[str, list[str]] = {name: [] for name in names}
    found: list[str] = ask_stub(
        f"{world} let names = [ {listed} ]; in {code}", attrs=["file"], packages=packages
    )
    return found


def install(
    directory: Path, code: str, files: Mapping[str, bytes]
) -> tuple[subprocess.CompletedProcess[str], dict[str, bytes]]:
    """Run the code of a package that has files; what is in site-packages then."""
    site = directory / "out" / SITE
    for file, data in files.items():
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_bytes(data)
    site.mkdir(parents=True, exist_ok=True)
    for number, match in enumerate(list(WRITTEN.finditer(code))):
        written = directory / f"written{number}"
        written.write_text(match["text"])
        code = code.replace(match[0], str(written))
    work = directory / "work"
    work.mkdir(exist_ok=True)
    done = run_shell(code, work, out=str(directory / "out"))
    assert not list(work.iterdir())
    found = {
        str(p.relative_to(site)): p.read_bytes()
        for p in site.rglob("*")
        if p.is_file() and p.suffix != ".pyc"  # of the interpreter that happens to be there
    }
    return done, found


def read_table(data: bytes) -> dict[str, object]:
    """What a shim answers, once Python has run it."""
    ask = f"import json\nexec({data!r}.decode())\nprint(json.dumps(TABLE))"
    done = subprocess.run([sys.executable, "-I", "-c", ask], capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("dialect", WRITING)
def test_text_of_a_substitution(tmp_path: Path, dialect: Dialect) -> None:
    override = make("demo", substitution(edit=('CDLL("x")', 'CDLL("', '")')))
    (code,) = evaluate(tmp_path, [override], dialect)
    site = "." if dialect is Dialect.MACH_NIX else f"$out/{SITE}"
    text = (
        "# a.py: x, line 1: why\n"
        f"substituteInPlace {site}/demo/a.py --replace-fail 'CDLL(\"x\")' 'CDLL(\"{LIBRARY}\")'\n"
    )
    before, after = ("pushd $out/lib/python3*/site-packages > /dev/null\n", "popd > /dev/null\n")
    compiled = f"python3 -m compileall -q {site}/demo/a.py || true\n"
    expected = {
        Dialect.MACH_NIX: before + text + after,
        Dialect.UV2NIX: text + compiled,
        Dialect.PYPROJECT_NIX: text + compiled,
    }
    assert code == expected.get(dialect, text)
    done, files = install(tmp_path, code, {"demo/a.py": b'a = CDLL("x")\r\n'})
    assert done.returncode == 0, done.stderr
    assert files == {"demo/a.py": f'a = CDLL("{LIBRARY}")\r\n'.encode()}


@pytest.mark.parametrize("dialect", WRITING)
@pytest.mark.parametrize("files", [{"demo/a.py": b"a = CDLL('y')\n"}, {"demo/b.py": b"'x'"}, {}])
def test_another_version_stops_the_build(tmp_path: Path, dialect: Dialect, files: dict[str, bytes]) -> None:
    (code,) = evaluate(tmp_path, [make("demo", substitution(), shim=make_shim())], dialect)
    done, found = install(tmp_path, code, files)
    assert done.returncode != 0
    assert "demo/a.py" in done.stderr
    assert found == files


@pytest.mark.parametrize("dialect", WRITING)
def test_text_of_a_shim(tmp_path: Path, dialect: Dialect) -> None:
    shim = make_shim(preload=["libmagic.so.1"])
    shim = replace(shim, libraries=(*shim.libraries, ("libcuda.so", library("libcuda.so.1", ""))))
    shim = replace(shim, variables=(("DEMO_LIBRARY", library("libmagic.so.1")),))
    (code,) = evaluate(tmp_path, [make(shim=shim)], dialect)
    done, files = install(tmp_path, code, {})
    assert done.returncode == 0, done.stderr
    name = "_wheelfix_demo"
    assert set(files) == {f"{name}{end}" for end in (".py", ".pth", ".start")}
    assert files[f"{name}.pth"] == f"import {name}; {name}.install()\n".encode()
    assert files[f"{name}.start"] == f"{name}:install\n".encode()
    text = files[f"{name}.py"].decode()
    assert text.startswith(read_shim())
    assert text.removeprefix(read_shim()).startswith("TABLE.update({")
    assert read_table(files[f"{name}.py"]) == {
        "modules": ["demo"],
        "libraries": {"libmagic.so.1": LIBRARY, "libcuda.so": "/run/opengl-driver/lib/libcuda.so.1"},
        "preload": [LIBRARY],
        "variables": {"DEMO_LIBRARY": LIBRARY},
    }


@pytest.mark.parametrize("dialect", WRITING)
def test_a_shim_for_the_driver_alone_evaluates(tmp_path: Path, dialect: Dialect) -> None:
    shim = replace(make_shim(), libraries=(("libcuda.so.1", library("libcuda.so.1", "")),))
    (code,) = evaluate(tmp_path, [make(shim=shim)], dialect)
    done, files = install(tmp_path, code, {})
    assert done.returncode == 0, done.stderr
    assert "_wheelfix_demo.py" in files


@pytest.mark.parametrize("dialect", WRITING)
def test_packages_share_the_code_of_the_shim(tmp_path: Path, dialect: Dialect) -> None:
    one = make("demo", shim=make_shim(["demo"]))
    two = make("other", substitution("other/a.py"), shim=make_shim(["other"], ["libother.so.2"]))
    three = make("plain", substitution("plain/a.py"))
    codes = evaluate(tmp_path, [one, two, three], dialect)
    text = (tmp_path / "code.nix").read_text()
    assert text.count("loaderShim =") == text.count("loaderCode =") == 1
    files = {"other/a.py": b"'x'", "plain/a.py": b"'x'"}
    for code in codes:
        done, files = install(tmp_path, code, files)
        assert done.returncode == 0, done.stderr
    assert read_table(files["_wheelfix_demo.py"])["modules"] == ["demo"]
    assert read_table(files["_wheelfix_other.py"])["libraries"] == {
        "libother.so.2": f"{STORE}-file/lib/libother.so.2"
    }
    assert files["other/a.py"] == files["plain/a.py"] == f"'{LIBRARY}'".encode()


def test_nothing_is_defined_that_nobody_uses(tmp_path: Path) -> None:
    for dialect in WRITING:
        assert "loader" not in render_overrides([make("demo", substitution())], [], dialect)


def test_shells_have_libraries_and_no_code() -> None:
    override = make("demo", substitution(), shim=make_shim())
    text = render_overrides([override], [], Dialect.SHELL)
    assert "postInstall" not in text
    assert "loader" not in text
    assert "pkgs.file" in text


def test_a_package_of_nixpkgs_starts_its_shim_from_its_sources(tmp_path: Path) -> None:
    anchors = {"demo/a.py": "import os", "demo/it's.py": "import sys"}
    shim = replace(make_shim(anchors=anchors), sources=2)
    (code,) = evaluate(tmp_path, [make(shim=shim)], Dialect.NIXPKGS)
    source = b"import os  # x\nimport ctypes\n"
    done, files = install(tmp_path, code, {"demo/a.py": source, "demo/it's.py": b"import sys\n"})
    assert done.returncode == 0, done.stderr
    start = b"import _wheelfix_demo; _wheelfix_demo.install(); "
    assert files["demo/a.py"] == start + source
    assert files["demo/it's.py"] == start + b"import sys\n"
    assert set(files) - set(anchors) == {"_wheelfix_demo.py"}
    # Where one source cannot start it, the interpreter does.
    (code,) = evaluate(tmp_path, [make(shim=replace(shim, sources=3))], Dialect.NIXPKGS)
    done, files = install(tmp_path, code, {"demo/a.py": source})
    assert done.returncode == 0, done.stderr
    assert files["demo/a.py"] == source
    assert "_wheelfix_demo.pth" in files


HOSTILE = [
    "'", '"', "\\", "$", "`", "$(touch pwned)", "`touch pwned`", "${builtins.abort \"x\"}", "''",
    "''${x}", "$$", "'; touch pwned; '", '"; touch pwned; "', "\\'", "!", "!!", "*", "?", "~", "&", "|", ">x",
    "#", " # ", "ä", "\u202e", "\U0001f600", "'''", "''\\n", "$'x'", "$\"x\"", "{a,b}", "[a]", "x", " ",
    "--", "\\n", "%s", "=",
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=4).map("".join)
ASCII = TEXTS.filter(str.isascii)


@pytest.mark.parametrize("dialect", WRITING)
@given(
    file=TEXTS.filter(lambda t: "/" not in t and t.strip(".") and t.isprintable()),
    old=ASCII,
    before=ASCII,
    after=ASCII,
    names=st.lists(TEXTS, min_size=1, max_size=3, unique=True),
    reason=TEXTS,
)
@settings(max_examples=15, deadline=None)
def test_hostile_words_stay_words(
    tmp_path_factory: pytest.TempPathFactory,
    dialect: Dialect,
    file: str,
    old: str,
    before: str,
    after: str,
    names: list[str],
    reason: str,
) -> None:
    directory = tmp_path_factory.mktemp("hostile")
    edit = SourceEdit(old=old, before=before, after=after)
    opened = library(reason=f"{reason}\n{file}")
    libraries = tuple((name, replace(opened, path=f"/lib/{name}")) for name in names)
    shim = Shim(modules=(file, *names), libraries=libraries, preload=tuple(names[:1]), sources=1)
    path = f"demo/{file}.py"
    override = make(
        "demo", Substitution(name="libmagic.so.1", file=path, edit=edit, library=opened), shim=shim
    )
    (code,) = evaluate(directory, [override], dialect)
    source = f"a\n{old}\nb".encode()
    done, files = install(directory, code, {path: source, "demo/other.py": source})
    assert done.returncode == 0, done.stderr
    assert files.pop("demo/other.py") == source
    assert files.pop(path) == apply_edit(source, edit, LIBRARY)
    assert read_table(files["_wheelfix_demo.py"]) == {
        "modules": [file, *names],
        "libraries": {name: f"{STORE}-file/lib/{name}" for name in names},
        "preload": [f"{STORE}-file/lib/{names[0]}"],
        "variables": {},
    }
    assert len(files) == 3


@given(file=TEXTS.filter(lambda t: "/" not in t and t.isprintable()), anchor=ASCII)
@settings(max_examples=15, deadline=None)
def test_hostile_anchors(tmp_path_factory: pytest.TempPathFactory, file: str, anchor: str) -> None:
    directory = tmp_path_factory.mktemp("hostile")
    path = f"demo/{file}.py"
    (code,) = evaluate(directory, [make(shim=make_shim(anchors={path: anchor}))], Dialect.NIXPKGS)
    done, files = install(directory, code, {path: f"a\n{anchor}\nb".encode()})
    assert done.returncode == 0, done.stderr
    start = "import _wheelfix_demo; _wheelfix_demo.install(); "
    assert files[path] == f"a\n{anchor}\nb".replace(anchor, start + anchor).encode()


@pytest.mark.parametrize("dialect", WRITING)
@pytest.mark.parametrize("file", ["demo/a\nb.py", "demo/a\x1b[0m.py", "demo/a\u2028.py"])
def test_file_that_no_comment_can_show_stops_the_build(tmp_path: Path, dialect: Dialect, file: str) -> None:
    (code,) = evaluate(tmp_path, [make("demo", substitution(file))], dialect)
    done, files = install(tmp_path, code, {file: b"'x'"})
    assert done.returncode != 0
    assert files == {file: b"'x'"}


@pytest.mark.parametrize("name", ["demo", "3to2", "zope.x", "a-b"])
@pytest.mark.parametrize("dialect", WRITING)
def test_names_of_packages(tmp_path: Path, dialect: Dialect, name: str) -> None:
    (code,) = evaluate(tmp_path, [make(name, shim=make_shim())], dialect)
    done, files = install(tmp_path, code, {})
    assert done.returncode == 0, done.stderr
    assert f"{name_shim(name)}.py" in files
