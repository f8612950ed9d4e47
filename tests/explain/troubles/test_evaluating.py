"""Attributes that are not there, and packages that nixpkgs refuses: the code, evaluated by the real Nix."""

from __future__ import annotations

import pytest

from tests.support.nixeval import evaluate
from wheelfix.explain.model import Situation, Symptom, SymptomKind, Trouble
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles.table import find_trouble
from wheelfix.index.choice import open_bundled
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.override import Dialect


@pytest.fixture(scope="module")
def index() -> SonameTable:
    return open_bundled()


def explain(text: str, index: SonameTable, situation: Situation | None = None) -> Trouble | None:
    (symptom,) = read_messages([text.encode()]).symptoms
    return find_trouble(symptom, replace(situation or Situation(), index=index))


@pytest.mark.parametrize(
    "text",
    [
        "error: attribute 'foo' missing\n  at /home/ann/flake.nix:12:5:\n  12|  config.foo\n",
        "error: undefined variable 'myHelper'\n  at /home/ann/default.nix:3:5:\n  3|  myHelper 1\n",
        # a slip in a list in which other things come from pkgs
        "error: undefined variable 'helo'\n  at x.nix:4:9:\n  3|  packages = [\n  4|    pkgs.jq helo\n",
        "error: 'foo' has been removed from the API",
        "error: option was removed",
    ],
)
def test_names_of_the_users_own_code_get_no_answer(text: str, index: SonameTable) -> None:
    symptoms = read_messages([text.encode()]).symptoms
    assert [find_trouble(one, Situation(index=index)) for one in symptoms] == [None] * len(symptoms)


@pytest.mark.parametrize(
    ("text", "attr"),
    [
        ("error: attribute 'libtif' missing\n     5|     buildInputs = [ pkgs.libtif ];\n", "pkgs.libtiff"),
        (
            "error: undefined variable 'xorg.libXext'\n     5|     buildInputs = with pkgs; [\n",
            "pkgs.libxext",
        ),
        ("error: undefined variable 'unixODBC'\n     5|  packages = [ unixODBC ];\n", "pkgs.unixodbc"),
        (
            "error: attribute 'numpi' missing\n     5|  ps: with ps; [ python3Packages.numpi ]\n",
            "pkgs.python3Packages.numpy",
        ),
    ],
)
def test_what_nixpkgs_has_in_its_place(text: str, attr: str, index: SonameTable) -> None:
    trouble = explain(text, index)
    assert trouble is not None
    assert trouble.answered
    assert trouble.paste[0][1].strip() == attr


def test_an_attribute_that_nothing_is_near_to_has_no_answer(index: SonameTable) -> None:
    trouble = explain("error: attribute 'qzxvwk' missing\n    5|     pkgs.qzxvwk\n", index)
    assert trouble is not None
    assert not trouble.answered
    assert not trouble.paste


def refuse(why: str, package: str, files: frozenset[str], dialect: Dialect = Dialect.UV2NIX) -> Trouble:
    symptom = Symptom(kind=SymptomKind.REFUSED, names=(why, package))
    trouble = find_trouble(symptom, Situation(files=files, dialect=dialect))
    assert trouble is not None
    return trouble


def test_unfree_packages_are_allowed_by_name() -> None:
    ((place, code),) = refuse("unfree", "cuda_nvcc-12.4.99", frozenset({"flake.nix"})).paste
    assert place.startswith("flake.nix")
    start, end = 'let nixpkgs = x: x; system = "s"; in', ".config.allowUnfreePredicate"
    code = code.replace("import nixpkgs", "nixpkgs")
    config = f"({start} ({code}){end})"
    assert evaluate(f'({config}) {{ pname = "cuda_nvcc"; name = "cuda_nvcc-1"; }}') is True
    assert evaluate(f'({config}) {{ name = "cuda_nvcc-1"; }}') is True
    assert evaluate(f'({config}) {{ pname = "other"; name = "other-1"; }}') is False


def test_insecure_packages_are_allowed_by_name_and_version() -> None:
    ((place, code),) = refuse("insecure", "openssl-1.1.1w", frozenset({"configuration.nix"})).paste
    assert place.startswith("configuration.nix")
    assert evaluate(code) == {"nixpkgs": {"config": {"permittedInsecurePackages": ["openssl-1.1.1w"]}}}


@pytest.mark.parametrize(("why", "line"), [("unfree", "allowUnfree: true"), ("insecure", "  - x-1.0")])
def test_devenv_has_a_file_of_its_own(why: str, line: str) -> None:
    ((place, code),) = refuse(why, "x-1.0", frozenset({"devenv.nix"})).paste
    assert place == "devenv.yaml"
    assert line in code.splitlines()


@pytest.mark.parametrize("why", ["broken", "unsupported", "unfree", "insecure"])
def test_a_shell_imports_nixpkgs_with_the_setting(why: str) -> None:
    ((place, code),) = refuse(why, "x-1.0", frozenset({"shell.nix"})).paste
    assert place.startswith("shell.nix")
    assert "import <nixpkgs> {" in code
    evaluate(f"builtins.isFunction (x: {code})")


@pytest.mark.parametrize("why", ["blocklisted", "binary"])
def test_other_refusals_are_told(why: str) -> None:
    assert why in refuse(why, "x-1.0", frozenset()).what
