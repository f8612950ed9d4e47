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
    ("text", "attr", "sure"),
    [
        (
            "error: attribute 'libtif' missing\n     5|     buildInputs = [ pkgs.libtif ];\n",
            "pkgs.libtiff",
            False,
        ),
        (
            "error: undefined variable 'xorg.libXext'\n     5|     buildInputs = with pkgs; [\n",
            "pkgs.libxext",
            True,
        ),
        ("error: undefined variable 'unixODBC'\n     5|  packages = [ unixODBC ];\n", "pkgs.unixodbc", True),
        (
            "error: attribute 'numpi' missing\n     5|  ps: with ps; [ python3Packages.numpi ]\n",
            "pkgs.python3Packages.numpy",
            False,
        ),
    ],
)
def test_what_nixpkgs_has_in_its_place(text: str, attr: str, sure: bool, index: SonameTable) -> None:
    trouble = explain(text, index)
    assert trouble is not None
    assert trouble.answered is sure
    assert trouble.paste[0][1].strip() == attr


def test_an_attribute_that_nothing_is_near_to_has_no_answer(index: SonameTable) -> None:
    trouble = explain("error: attribute 'qzxvwk' missing\n    5|     pkgs.qzxvwk\n", index)
    assert trouble is not None
    assert not trouble.answered
    assert not trouble.paste


def show(name: str, code: str, *, variable: bool = False, meant: str = "") -> str:
    """Write a message of Nix with its code, as Nix prints both."""
    what = f"undefined variable '{name}'" if variable else f"attribute '{name}' missing"
    place = "       at /home/ann/p/flake.nix:9:5:\n            8| {\n"
    caret = " " * code.index(name) + "^"
    return f"error: {what}\n{place}            9| {code}\n             | {caret}\n{meant}"


@pytest.mark.parametrize("name", ["cc", "package", "workspace", "default", "x86_64-linux", "lib", "final"])
def test_names_of_sets_are_no_attributes(name: str) -> None:
    assert read_messages([show(name, f"  x = pkgs.foo.{name};").encode()]).symptoms == ()


@pytest.mark.parametrize("name", ["lib", "pkgs", "final", "prev", "old", "self", "super"])
def test_arguments_are_told_as_arguments(name: str, index: SonameTable) -> None:
    trouble = explain(show(name, f"  buildInputs = with pkgs; [ {name}.zlib ];", variable=True), index)
    assert trouble is not None
    assert "argument" in trouble.what
    assert "near" not in trouble.what


@pytest.mark.parametrize(
    "name", ["abc", "cpp", "xlibs", "qlavier"], ids=["short", "short-slip", "first-letter", "far"]
)
def test_what_is_far_is_not_guessed(name: str, index: SonameTable) -> None:
    trouble = explain(show(name, f"  packages = [ pkgs.{name} ];"), index)
    assert trouble is not None
    assert not trouble.answered
    assert not trouble.paste


def test_a_variable_of_nothing_is_not_guessed(index: SonameTable) -> None:
    assert explain(show("pyhton3", "  packages = [ pyhton3 ];", variable=True), index) is None


def test_what_nix_suggests_comes_first(index: SonameTable) -> None:
    code, meant = "  python3Packages.pandsa", "       Did you mean one of pandas or pandoc?\n"
    trouble = explain(show("pandsa", code, meant=meant), index)
    assert trouble is not None
    assert trouble.paste[0][1].strip() == "pkgs.python3Packages.pandas"
    assert not trouble.answered


def test_a_release_in_the_name_comes_before_slips(index: SonameTable) -> None:
    meant = "       Did you mean one of trumpep or trumpet4?\n"
    trouble = explain(show("trumpet", "  x = [ pkgs.trumpet ];", meant=meant), index)
    assert trouble is not None
    assert trouble.paste[0][1].strip() == "pkgs.trumpet4"


@pytest.mark.parametrize(("name", "normal"), [("Brotli", "brotli"), ("ruamel_yaml", "ruamel-yaml")])
def test_sets_of_locks_have_normalised_names(name: str, normal: str, index: SonameTable) -> None:
    trouble = explain(show(name, f"  {name} = prev.{name}.overrideAttrs (old: {{ }});"), index)
    assert trouble is not None
    ((_, code),) = trouble.paste
    assert f"prev ? {normal}" in code
    overlay = f"({code}) {{ pkgs = {{ }}; lib.optionalAttrs = c: s: if c then s else {{ }}; }}"
    assert evaluate(f"builtins.attrNames ({overlay} {{ }} {{ }})") == []


def test_what_the_lock_lacks_is_guarded_and_build_systems_are_composed(index: SonameTable) -> None:
    guarded = explain(show("lxml", "  lxml = prev.lxml.overrideAttrs (old: { });"), index)
    built = explain(show("flit-core", "  flit-core = prev.flit-core;"), index)
    assert guarded is not None
    assert built is not None
    assert "prev ? lxml" in guarded.paste[0][1]
    assert "pyproject-build-systems" in built.paste[0][1]


@pytest.mark.parametrize(
    ("package", "listed", "name"),
    [
        ("python3.13-torch-2.12.0", "", "torch"),
        ("cuda12.9-cudnn-9.22.0.52", "", "cudnn"),
        ("steam-run-1.0", "steam-unwrapped", "steam-unwrapped"),
    ],
)
def test_unfree_names_are_those_of_the_message(package: str, listed: str, name: str) -> None:
    predicate = (
        "  { nixpkgs.config.allowUnfreePredicate = pkg: builtins.elem (lib.getName pkg) [\n"
        f'      "{listed}"\n    ];\n'
        if listed
        else ""
    )
    text = f"error: Refusing to evaluate package '{package}' in /x.nix:1 because it has an unfree license\n"
    (symptom,) = read_messages([(text + predicate).encode()]).symptoms
    trouble = find_trouble(symptom, Situation())
    assert trouble is not None
    assert f'[ "{name}" ]' in trouble.paste[0][1]


def test_packages_of_macos_are_left_out() -> None:
    trouble = refuse("unsupported", "python3.13-pyobjc-core-11.1", frozenset({"flake.nix"}))
    assert "allowUnsupportedSystem" not in "".join(code for _, code in trouble.paste)
    code = trouble.paste[1][1]
    start = "let packages = [ 1 ]; ps.pyobjc-core = 2; pkgs.stdenv.hostPlatform.isDarwin = false;"
    assert evaluate(f"{start} pkgs.lib.optionals = c: l: if c then l else [ ]; in {code}") == [1]


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
