"""Shell code of packages that adds no libraries, and code that only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.shell import run_shell
from wheelfix.lint.nixfile.overrides import parse_overrides, read_overrides
from wheelfix.model.hints import SourceEdit
from wheelfix.model.override import (
    PACKAGE_DIALECTS,
    Cuda,
    Dialect,
    Input,
    OpenedLibrary,
    Override,
    PackageDetails,
    Shim,
    Substitution,
)
from wheelfix.nix.quote import quote
from wheelfix.override.dialects import TRAITS, render_overrides

WORDS = ["it's", '"', "$(cp a b)", "`cp a b`", "'$x' \\", "a#b", ";", "ä", "''${x}", "!"]


@pytest.mark.parametrize("dialect", [d for d in PACKAGE_DIALECTS if not TRAITS[d].listed])
@pytest.mark.parametrize("word", WORDS)
def test_own_code_is_understood(tmp_path: Path, dialect: Dialect, word: str) -> None:
    """What is written for libraries that are opened by name, whatever the words of the wheel are."""
    library = OpenedLibrary(attr="file", path="/lib/libx.so.1", reason=word, why="why")
    edit = SourceEdit(old=f"{word}'x'", before=f"{word}'", after=f"'{word}")
    override = Override(
        name="demo",
        version="1",
        target="demo-1-py3-none-any.whl",
        tags=("py3-none-any",),
        cuda=Cuda.WHEELS,
        inputs=(Input(attr="zlib", reason=word),),
        substitutions=(Substitution(name="libx.so.1", file=f"demo/{word}.py", edit=edit, library=library),),
        shim=Shim(
            modules=(word,),
            libraries=((word, library),),
            preload=(word,),
            sources=1,
            anchors=((f"demo/{word}.py", f"import {word}"),),
        ),
        details=PackageDetails(filename="demo-1-py3-none-any.whl", sha256=bytes(32), attr="demo"),
    )
    path = tmp_path / "code.nix"
    path.write_text(render_overrides([override], [], dialect))
    found = read_overrides(path)
    assert not found.unclear
    (one,) = found.overrides
    assert not one.unread
    assert not one.unclear


def is_understood(code: str) -> bool:
    """Whether the reader is sure that shell code shows auto-patchelf no other libraries."""
    source = f"final: prev: {{ x = prev.x.overrideAttrs (old: {{ postInstall = {quote(code)}; }}); }}"
    (override,) = parse_overrides(source.encode(), subject="x.nix").overrides
    return not override.unread and not override.unclear


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# any $(comment) `at` all; cp lib.so $out/lib",
        "echo hello",
        "echo 'it'\"'\"'s'",
        "rm -rf $out/lib/python3.12/site-packages/tests",
        "runHook postInstall",
        "substituteInPlace $out/a.py --replace-fail 'a' 'b'",
        "substituteInPlace $out/a.py --replace-fail '$(x)' '`y`'",
        "substituteInPlace ./a.py --replace-fail 'a;b' \"c'd\"",
        "substituteInPlace $out/a.py --replace-fail 'f(\"a\")' 'f(\"b\")'",
        'substituteInPlace $out/a.py --replace-fail "it\'s" "\\$x \\\\"',
        "substituteInPlace $out/a.py --replace-fail '#' '# x'",
        "cp /nix/store/x-a.py $out/a.py",
        'echo "import a; a.install()" > $out/a.pth',
        'echo "a:install" > $out/a.start',
        "pushd $out/lib/python3*/site-packages > /dev/null",
        "popd > /dev/null",
    ],
)
def test_harmless(line: str) -> None:
    assert is_understood(line)


@pytest.mark.parametrize(
    "line",
    [
        "cp -m compileall -q a.py",
        "program -m compileall -q a.py",
        'echo "$(cp lib.so $out/lib)"',
        'echo "a`cp lib.so $out/lib`b"',
        "echo `cp lib.so $out/lib`",
        "echo $(cp lib.so $out/lib)",
        "echo \"it's $(cp lib.so $out/lib) it's\"",
        'echo "\\"$(cp lib.so $out/lib)"',
        'echo "${x:-$(cp lib.so $out/lib)}"',
        "echo ${x:-`cp lib.so $out/lib`}",
        "echo a#b; cp lib.so $out/lib",
        "echo a# && cp lib.so $out/lib",
        "echo a#b $(cp lib.so $out/lib)",
        "echo a & cp lib.so $out/lib",
        "echo a | tee $out/lib/x.so",
        "echo a; cp lib.so $out/lib",
        "echo a && cp lib.so $out/lib",
        "echo a > $out/lib/x.so",
        "echo a > $out/a.py > $out/lib/x.so",
        "echo a > $out/a.py 2> $out/lib/x.so",
        "echo a >| $out/lib/x.so",
        "echo a &> $out/lib/x.so",
        "echo a >& $out/lib/x.so",
        "echo a <(cp lib.so $out/lib)",
        "echo a > >(cp lib.so $out/lib)",
        "echo a <<< $(cp lib.so $out/lib)",
        "echo a >",
        "echo $'a\\'' $(cp lib.so $out/lib) ''",
        "echo $'a'",
        'echo $"a"',
        "cp lib.so $out/lib",
        "cp lib.so $out/lib/x.py/../x.so",
        "cp -t $out/lib lib.so x.py",
        "cp -r lib x.py",
        "cp --target-directory=$out/lib x.py",
        "cp lib.so other.so $out/x.py",
        "cp a.py",
        "cp",
        "mv lib.so $out/lib",
        "X=1 echo a",
        "eval 'cp lib.so $out/lib'",
        ". ./x",
        "(echo a)",
        "{ echo a; }",
        "! echo a",
        '"" echo a',
        "''",
        "echo 'unended",
        'echo "unended',
        "echo continued \\",
        "echo " + "a" * 5000,
        "echo \ue000 \U000f0000 | cp",
        "echo\tx | sh",
    ],
)
def test_not_harmless(line: str) -> None:
    assert not is_understood(line)


COPY = "cp lib.so new.so"
PIECES = [
    "echo", "cp", "rm", "a", "lib.so", "x.py", " ", " ", " ", "'", '"', "\\", f"$({COPY})", f"`{COPY}`", COPY,
    ";", "&", "|", ">", "#", "$", "(", ")", "{", "}", "new.so", "\t", "=", "-t", "<", "''", "$'", "!",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
@settings(max_examples=400, deadline=None)
def test_what_is_called_harmless_makes_no_library(
    tmp_path_factory: pytest.TempPathFactory, rest: str
) -> None:
    line = f"echo {rest}"
    if not is_understood(line):
        return
    directory: Path = tmp_path_factory.mktemp("shell")
    (directory / "lib.so").write_bytes(b"library")
    run_shell(line, directory)
    made = {path.name for path in directory.iterdir()} - {"lib.so"}
    assert all(name.endswith(".py") for name in made)
