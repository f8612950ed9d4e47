"""Names in messages are an attacker's: no code and no command has them as anything but names."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from wheelfix.explain.model import Explained
from wheelfix.flows.explain import explain_file
from wheelfix.index.choice import open_index, open_names
from wheelfix.model.override import Dialect

FIXTURES = Path(__file__).parents[2] / "fixtures" / "messages"
EVIL = (
    "a$(touch PWNED)b",
    'x${builtins.abort "PWNED"}y',
    "q'; PWNED; 'w",
    "''${PWNED}'' z",
    "a\u202ePWNED\x1b[31m",
    'q" ]; PWNED = [ "w',
)
NAME = re.compile(
    r"(?<=site-packages/)[\w-]+|lib[\w+-]+\.so[\d.]*"
    r"|(?<=['\"`‘])[\w.+-]{3,60}(?=['\"`’])|(?<=No module named )\S+",
    re.ASCII,
)
MESSAGES = {
    message["shape"]: message["text"]
    for path in sorted(FIXTURES.glob("*.toml"))
    for message in tomllib.loads(path.read_text("utf-8"))["message"]
}
MOST = 3
"""Names of a message that are replaced, each once."""


def disguise(number: int, text: str) -> Iterator[str]:
    for place, name in enumerate(list(dict.fromkeys(NAME.findall(text)))[:MOST]):
        evil = EVIL[(number + place) % len(EVIL)]
        yield text.replace(name, f"{name[:2]}{evil}{name[2:]}")


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> list[Explained]:
    directory = tmp_path_factory.mktemp("project")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        index = open_index()
        names_of = open_names(index)
        dialects = (Dialect.UV2NIX, Dialect.NIXPKGS, Dialect.SHELL, Dialect.DEVENV)
        for number, text in enumerate(MESSAGES.values()):
            for place, changed in enumerate(disguise(number, text)):
                (directory / "message").write_text(changed, "utf-8")
                dialect = dialects[(number + place) % len(dialects)]
                found.append(
                    explain_file(
                        directory / "message",
                        index=index,
                        directory=directory,
                        dialect=dialect,
                        names_of=names_of,
                    )
                )
    assert sum("PWNED" in str(one) for one in found) > 40
    return found


def test_code_is_nix_with_names_as_names(explained: list[Explained], tmp_path: Path) -> None:
    codes = {code for one in explained for place, code in one.paste if "toml" not in place}
    assert len(codes) > 50
    files = []
    for number, code in enumerate(sorted(codes)):
        path = tmp_path / f"{number}.nix"
        path.write_text(f"with {{ }}; (\n{code}\n)", "utf-8")  # fragments have variables of their places
        files.append(path)
    done = subprocess.run(["nix-instantiate", "--parse", *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "PWNED" in done.stdout
    assert "PWNED" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", done.stdout)


def test_commands_have_names_as_words(explained: list[Explained]) -> None:
    lines = {line for one in explained for line in one.now if "PWNED" in line}
    assert lines
    for line in lines:
        assert "\n" not in line
        outside = re.sub(r"'[^']*'", "", line)
        assert "$(touch" not in outside, line
        if line.startswith(("wheelfix ", "nix-shell ", "pip ", "uv ")):
            words = shlex.split(line)
            assert not any(word in {"PWNED", ";"} for word in words), line
