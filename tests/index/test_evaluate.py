"""What the query says of a small nixpkgs, which refuses as the real one does; evaluated by the real Nix."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from wheelfix.errors import InputError
from wheelfix.index.evaluate import evaluate, evaluate_all, list_python
from wheelfix.model.index import Attribute, Permission, PythonPackage, Wanted

NIXPKGS = Path(__file__).parents[1] / "support" / "nix" / "nixpkgs"
SYSTEM = "x86_64-linux"


def ask(*names: str) -> list[Attribute]:
    return list(evaluate(str(NIXPKGS), [Wanted(name) for name in names], system=SYSTEM).attributes)


def test_a_package_that_everybody_may_use() -> None:
    (zlib,) = ask("zlib")

    assert zlib == Attribute(
        attr="zlib", version="1.3.2", outputs=("out", "dev", "static"), reached=("dev", "out")
    )
    assert zlib.usable
    assert zlib.permissions == ()


def test_the_nixpkgs_tells_which_it_is() -> None:
    info = evaluate(str(NIXPKGS), [], system=SYSTEM).info

    assert (info.source, info.release, info.system, info.python) == (str(NIXPKGS), "26.11", SYSTEM, "3.13.1")
    assert (info.revision, info.date) == (None, None)


@pytest.mark.parametrize(
    ("attr", "permissions", "usable"),
    [
        ("closed", (Permission.UNFREE,), True),
        ("builtOnClosed", (Permission.UNFREE,), True),
        ("leaky", (Permission.INSECURE,), True),
        ("halved", (), False),
        ("stops", (), False),
        ("former", (), False),
        ("neverThere", (), False),
    ],
)
def test_what_keeps_a_package_from_being_evaluated(
    attr: str, permissions: tuple[Permission, ...], usable: bool
) -> None:
    (said,) = ask(attr)

    assert (said.permissions, said.usable) == (permissions, usable)


def test_what_stops_the_evaluation_as_a_whole_hides_no_other_answer() -> None:
    zlib, stops, closed, told = ask("zlib", "stops", "closed", "told")

    assert [one.attr for one in (zlib, stops, closed, told)] == ["zlib", "stops", "closed", "told"]
    assert stops.broken
    assert (zlib.usable, told.usable) == (True, True)
    assert closed.unfree


def test_a_removed_attribute_has_the_reason_of_nixpkgs() -> None:
    former, inside, never = ask("former", "oldSets.zlib", "neverThere.zlib")

    assert former.removed == "'former' has been removed, as nobody needed it"
    assert inside.removed == "the set has been removed"
    assert never.removed == ""


def test_an_alias_names_what_it_leads_to() -> None:
    (libz,) = ask("libz")

    assert (libz.renamed, libz.version, libz.usable) == ("zlib", "1.3.2", True)


def test_outputs_that_build_inputs_reach() -> None:
    events, told, one = ask("events", "told", "events.openssl")

    assert events.reached == ("dev", "out")
    assert told.reached == ("dev", "lib", "out")  # the package lists them itself
    assert one.reached == ("openssl",)


def test_python_packages() -> None:
    names = list_python(str(NIXPKGS), system=SYSTEM)
    assert {"numpy", "scipy", "gone", "py-scipy"} <= set(names)

    found = {one.attr: one for one in evaluate_all(str(NIXPKGS), [], system=SYSTEM).python}

    assert found["scipy"] == PythonPackage(attr="scipy", name="scipy", version="1.0", dependencies=("numpy",))
    assert found["Pillow_SIMD"].name == "pillow-simd"
    assert found["Pillow_SIMD"].unfree
    assert found["gone"].removed == "gone was removed"
    assert "buildPythonPackage" not in found


def test_permissions_of_the_environment_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIXPKGS_ALLOW_UNFREE", "1")

    assert ask("closed")[0].unfree


def test_no_nixpkgs_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be evaluated") as caught:
        evaluate(str(tmp_path), [Wanted("zlib")], system=SYSTEM)

    assert caught.value.subject == str(tmp_path)
    with pytest.raises(InputError, match="is no directory"):
        evaluate(str(tmp_path / "nowhere"), [Wanted("zlib")], system=SYSTEM)


def test_without_nix_the_error_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(InputError, match="is not on PATH"):
        evaluate(str(NIXPKGS), [Wanted("zlib")], system=SYSTEM)


def test_progress_is_told_in_names() -> None:
    told: list[tuple[int, int]] = []

    evaluate(
        str(NIXPKGS),
        [Wanted("zlib")] * 301,
        system=SYSTEM,
        progress=lambda done, total: told.append((done, total)),
    )

    assert told == [(300, 301), (301, 301)]


def test_a_stranger_reads_no_other_files_and_builds_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("4711")
    evil = tmp_path / "nixpkgs"
    evil.mkdir()
    package = f'{{ type = "derivation"; outPath = builtins.readFile {secret}; }}'
    (evil / "default.nix").write_text(f"args: (import ./real args) // {{ x = {package}; }}")
    shutil.copytree(NIXPKGS, evil / "real")

    def ask_evil(confined: bool) -> bool:
        (x,) = evaluate(str(evil), [Wanted("x")], system=SYSTEM, confined=confined).attributes
        return x.usable

    assert ask_evil(False)
    assert not ask_evil(True)
    (zlib,) = evaluate(str(evil), [Wanted("zlib")], system=SYSTEM, confined=True).attributes
    assert zlib.version == "1.3.2"
