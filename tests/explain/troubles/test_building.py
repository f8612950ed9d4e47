"""Messages of builds: whose they are, and which texts only look like them."""

from __future__ import annotations

import pytest

from wheelfix.explain.model import FRAMELESS, Situation, Symptom, SymptomKind
from wheelfix.explain.plan import choose_dialect, find_package
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles import building
from wheelfix.explain.troubles.table import find_trouble
from wheelfix.model.override import Dialect

DRV = "/nix/store/00000000000000000000000000000000-"


def read(text: str) -> list[SymptomKind]:
    symptoms = read_messages([text.encode()]).symptoms
    return [symptom.kind for symptom in symptoms if symptom.kind in FRAMELESS]


TRACEBACK = """\
Traceback (most recent call last):
  File "/home/ann/app.py", line 1, in <module>
    import numpy
ModuleNotFoundError: No module named 'numpy'
"""
CHECK = f"""\
error: builder for '{DRV}python3.12-demo-1.0.drv' failed with exit code 1;
       > Executing pythonImportsCheckPhase
       > Check whether the following modules can be imported: demo
       > ModuleNotFoundError: No module named 'packaging'
"""
TEST = f"""\
error: builder for '{DRV}python3.12-demo-1.0.drv' failed with exit code 1;
       > Running phase: pytestCheckPhase
       > E   ModuleNotFoundError: No module named 'numpy'
"""


@pytest.mark.parametrize(
    "text",
    [
        # a program that runs, and its modules
        "ModuleNotFoundError: No module named 'setuptools'",
        TRACEBACK,
        # a package that is tested lacks what it depends on, not what builds it
        CHECK,
        TEST,
        # shells and programs in which nothing is built
        "bash: cmake: command not found",
        "zsh: command not found: ninja",
        "FileNotFoundError: [Errno 2] No such file or directory: 'git'",
        "FileNotFoundError: [Errno 2] No such file or directory: 'data.csv'",
        "ERROR: Could not find a version that satisfies the requirement demo==9 (from versions: 1.0)",
        "error: failed to download from `https://example.org`",
        "curl: (6) Could not resolve host: example.org",
        "requests.exceptions.ConnectionError: Failed to establish a new connection: [Errno -2]",
        # sentences with the words of build scripts
        "django.template.exceptions.TemplateDoesNotExist: base.html not found",
        "Could not find the user library in the database",
        "Make sure that the plugin and theme packages are installed",
        "404 page not found",
        "KeyError: app_config not found",
        "Could not read my-config: no such section",
        "-- Could NOT find Doxygen (missing: DOXYGEN_EXECUTABLE)",
        f"error: builder for '{DRV}demo-1.0.drv' failed with exit code 1",
        "E: Package 'demo' has no installation candidate",
        "npm ERR! 404  'demo@1' is not in this registry. Backend is not available",
    ],
)
def test_what_is_no_build(text: str) -> None:
    assert read(text) == []


def test_the_build_is_blamed_not_its_tools() -> None:
    text = (
        f"error: builder for '{DRV}python3.12-heron-2.0.drv' failed with exit code 1;\n"
        "Traceback (most recent call last):\n"
        f'  File "{DRV}python3.12-setuptools-75/lib/python3.12/site-packages/setuptools/x.py", line 3, in x\n'
        "    import flit_core\n"
        "ModuleNotFoundError: No module named 'flit_core'\n"
    )
    package = find_package(read_messages([text.encode()]))
    assert package is not None
    assert (package.name, package.version, package.installer) == ("heron", "2.0", False)


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("  × Failed to build `heron==2.0`\n", "heron", "2.0"),
        ("error: Failed to build `heron @ file:///home/ann/heron`\n", "heron", None),
        ("  Building wheel for heron (pyproject.toml) ... error\n", "heron", None),
        ("ERROR: Failed building wheel for Heron.Core\n", "heron-core", None),
        ("ERROR: Could not build wheels for heron, tern, which is required to install\n", "heron", None),
        (
            "Failed to build installable wheels for some pyproject.toml based projects (heron, tern)\n",
            "heron",
            None,
        ),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_pip_and_uv_name_what_they_build(text: str, name: str, version: str | None, first: bool) -> None:
    message = "x.c:1:10: fatal error: zlib.h: No such file or directory\n"
    account = read_messages([(text + message if first else message + text).encode()])
    package = find_package(account)
    assert package is not None
    assert (package.name, package.version, package.installer) == (name, version, True)
    assert choose_dialect(["uv.lock", "flake.nix"], package) is Dialect.SHELL
    assert choose_dialect(["devenv.nix"], package) is Dialect.DEVENV


def test_pip_inside_of_a_build_of_nix_is_not_asked() -> None:
    text = (
        "x.c:1:10: fatal error: zlib.h: No such file or directory\n"
        "ERROR: Failed building wheel for heron\n"
        f"error: builder for '{DRV}python3.12-heron-2.0.drv' failed with exit code 1\n"
    )
    package = find_package(read_messages([text.encode()]))
    assert package is not None
    assert not package.installer
    assert package.version == "2.0"


@pytest.mark.parametrize("kind", sorted(building.EXPLAIN))
def test_hostile_names_stay_words(kind: SymptomKind) -> None:
    names = ("crates",) if kind is SymptomKind.NETWORK else ("a $(b)", "c;d")
    trouble = find_trouble(Symptom(kind=kind, names=names), Situation())
    if kind is SymptomKind.LIBRARY:
        assert trouble is None
        return
    assert trouble is not None
    assert trouble.what.endswith(".")
    for line in trouble.now:
        assert line.count("a $(b)") == line.count("'a $(b)'")
