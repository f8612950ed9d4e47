"""docs/from-mach-nix.md, example by example: what replaces each form of mach-nix does what is said."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support.envs import PYTHON, add_wheel, ask_env, run_env
from tests.support.lockserver import serve
from tests.support.nixeval import NixError, evaluate
from wheelfix.lockfile.project import parse_project
from wheelfix.lockfile.read import read_rules
from wheelfix.model.lock import ChoiceKind

DOC = (Path(__file__).parents[2] / "docs" / "from-mach-nix.md").read_text()
EXAMPLES = re.findall(r"<!-- ask: (.+?) -->\n```nix\n(.*?)```\n\n```json\n(.*?)```", DOC, re.DOTALL)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("mach-nix")
    with serve() as server:
        add_wheel(server, directory, "numpy", needed=("libtbb.so.12",))
        add_wheel(server, directory, "torch")
        (directory / "requirements.txt").write_text("numpy\ntorch\n")
        done = run_env(directory, server, "lab", "-r", "requirements.txt")
        assert done.returncode == 0, done.stderr
    return directory / "lab"


def test_every_form_has_an_example() -> None:
    assert len(EXAMPLES) == DOC.count("```json") == 7
    old = re.findall(r"```nix mach-nix\n(.*?)```", DOC, re.DOTALL)
    assert len(old) == 8
    for block in old:
        evaluate(f"let pkgs = {{ }}; in builtins.attrNames {{ {block} }}")


@pytest.mark.parametrize(("question", "code", "answer"), EXAMPLES)
def test_example(environment: Path, tmp_path: Path, question: str, code: str, answer: str) -> None:
    lab = tmp_path / "lab"
    shutil.copytree(environment, lab)
    digits = PYTHON.replace(".", "")
    (lab / "overrides-local.nix").write_text(code.replace("python312Packages", f"python{digits}Packages"))
    before = (environment / "overrides-local.nix").read_text()
    assert ask_env(lab, question) == json.loads(answer)
    (lab / "overrides-local.nix").write_text(before)
    try:
        unchanged = ask_env(lab, f"{{ it = {question}; }}")["it"]
    except NixError:  # without the example there is no such attribute
        unchanged = None
    assert unchanged != json.loads(answer)


def test_providers() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", DOC, re.DOTALL)
    table = read_rules(parse_project("pyproject.toml", text), ())
    flags = re.findall(r"--provider ([\w-]+=[\w,]+)(?= |`)", DOC[DOC.index("Or `--provider") :])
    assert set(read_rules(None, tuple(flags))) == set(table)
    assert {rule.pattern: rule.kinds[0] for rule in table} == {
        "torch": ChoiceKind.NIXPKGS,
        "numpy": ChoiceKind.SDIST,
        "default": ChoiceKind.WHEEL,
    }
