"""What ``benchmarks.real`` is made of, as far as it can be tried without the real parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from benchmarks.real.__main__ import choose_machine, judge
from benchmarks.real.cases import Case, find_target, read_head, write_lock
from benchmarks.real.evaluate import Answer, Parts, ask
from benchmarks.real.patching import Store, place, read_machine, unpack
from tests.support.elf import build_elf
from tests.support.uv2nix import NIX, ask_uv2nix
from tests.support.wheel import build_wheel

ELF = Path(__file__).parents[2] / "fixtures" / "elf"
NIXPKGS = """
{ ... }:
rec {
  lib = import %s // {
    attrByPath = path: default: set: set.${builtins.head path} or default;
    isDerivation = value: value.type or "" == "derivation";
  };
  good = {
    type = "derivation";
    drvPath = "/d";
    outputs = [ "out" "lib" ];
    out.outPath = "/nix/store/0-good";
    lib.outPath = "/nix/store/0-good-lib";
    meta.unfree = true;
  };
  thrown = throw "thrown has been removed";
  ends = good.nothing.of.this.name;
}
"""


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    """A nixpkgs with one good attribute and two bad ones."""
    (tmp_path / "nixpkgs").mkdir()
    (tmp_path / "nixpkgs" / "default.nix").write_text(NIXPKGS % (NIX / "standin" / "nixpkgs.lib" / "lib"))
    return Parts(
        nix="nix-instantiate",
        nixpkgs=tmp_path / "nixpkgs",
        pyproject_nix=tmp_path,
        uv2nix=tmp_path,
        work=tmp_path,
    )


def test_each_question_has_its_own_answer_whatever_the_others_do(parts: Parts) -> None:
    asked = [["good"], ["thrown"], ["none"], ["ends"], ["good"]]
    good, thrown, none, ends, again = ask(parts, "Attributes", asked, system="x86_64-linux", allow="nothing")
    assert good.value == again.value
    assert good.value["outputs"] == {"out": "/nix/store/0-good", "lib": "/nix/store/0-good-lib"}
    assert good.value["refused"] == ["unfree"]
    assert "thrown has been removed" in thrown.error
    assert none == Answer(None)
    assert "nothing" in ends.error


@pytest.mark.parametrize("name", ["own", "mips-library.so"])
def test_stub_is_for_the_machine_of_the_file(tmp_path: Path, name: str) -> None:
    data = build_elf(tmp_path, "own.so") if name == "own" else (ELF / name).read_bytes()
    machine = read_machine(data[:64])
    assert machine
    (tmp_path / "real.so").write_bytes(data)
    (tmp_path / "stub.so").write_bytes(machine.make_stub())
    with (tmp_path / "real.so").open("rb") as real, (tmp_path / "stub.so").open("rb") as stub:
        one, other = ELFFile(real), ELFFile(stub)
        assert one.get_machine_arch() == other.get_machine_arch()
        for field in ("e_type", "e_flags", "e_ehsize"):
            assert one.header[field] == other.header[field]
        assert list(other.iter_sections()) == []


def test_no_machine_where_there_is_no_elf_file() -> None:
    assert read_machine(b"\x7fELF" + bytes(60)) is None
    assert read_machine(b"#!/bin/sh" + bytes(60)) is None
    assert read_machine(b"\x7fELF\2\1") is None


def test_elf_files_lie_where_an_installer_puts_them(tmp_path: Path) -> None:
    elf = build_elf(tmp_path, "x.so")
    files = {
        "demo/x.so": elf,
        "demo/__init__.py": b"",
        "demo-1.0.data/data/lib/liby.so.1": elf,
        "demo-1.0.data/scripts/run": elf,
        "demo-1.0.data/platlib/demo.libs/libz.so": elf,
    }
    out = tmp_path / "out"
    machines = unpack(build_wheel(tmp_path, files=files), out, "lib/python3.12/site-packages")
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()) == [
        "bin/run",
        "lib/liby.so.1",
        "lib/python3.12/site-packages/demo.libs/libz.so",
        "lib/python3.12/site-packages/demo/x.so",
    ]
    assert choose_machine(machines, "x86_64-linux") == machines[0]
    assert choose_machine(machines, "aarch64-linux") is None
    assert place("demo/x.so", "s") == "s/demo/x.so"


def test_store_has_the_files_of_the_index_once(tmp_path: Path) -> None:
    machine = read_machine(build_elf(tmp_path, "x.so")[:64])
    assert machine
    path = f"/nix/store/{'1' * 32}-zlib-1.3"
    store = Store(tmp_path / "store", machine, {path: ["lib/libz.so.1"]}.__getitem__)
    made = store.make(path)
    assert made == Path(store.move(path))
    assert (made / "lib" / "libz.so.1").read_bytes() == machine.make_stub()
    assert store.make(path) == made


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        (["cp312-cp312-manylinux_2_28_x86_64"], ("3.12", "x86_64-linux")),
        (["cp313-cp313-manylinux_2_28_aarch64"], ("3.13", "aarch64-linux")),
        (["cp38-abi3-manylinux2014_x86_64"], ("3.12", "x86_64-linux")),
        (["cp313-abi3-manylinux2014_x86_64"], ("3.13", "x86_64-linux")),
        (["py3-none-any"], ("3.12", "x86_64-linux")),
        (["cp311-cp311-linux_x86_64", "cp312-cp312-linux_x86_64"], ("3.12", "x86_64-linux")),
        (["cp312-cp312-manylinux2014_ppc64le"], ("3.12", "powerpc64le-linux")),
    ],
)
def test_target_of_tags(tags: list[str], found: tuple[str, str]) -> None:
    assert find_target(tags) == found


def test_lock_is_one_that_uv2nix_reads(tmp_path: Path) -> None:
    url = "https://example.org/{}-1.0-py3-none-any.whl"
    packages = {
        "demo": {"version": "1.0", "url": url.format("demo"), "dependencies": ["other"]},
        "other": {"version": "1.0", "url": url.format("other"), "dependencies": []},
    }
    write_lock(tmp_path, packages, ["demo"])
    question = f"(real.load {tmp_path} (final: prev: {{ }})).names"
    assert sorted(ask_uv2nix(question)) == ["demo", "other"]


def make_case(directory: Path, code: str) -> Case:
    path = directory / "code.nix"
    path.write_text(code)
    case = Case(
        wheel=directory / "demo.whl",
        name="demo",
        version="1.0",
        python="3.12",
        system="x86_64-linux",
        musl=False,
    )
    case.codes["uv2nix"] = path
    return case


SAID = "# Needs config.allowUnfree: cudaPackages.libcublas. And mkl.\n{ }: x.overrideAttrs (old: { })\n"
SILENT = "# Written by wheelfix.\n{ }: x.overrideAttrs (old: {\n  # allowUnfree, mkl\n})\n"


@pytest.mark.parametrize(
    ("code", "allow", "answer", "said"),
    [
        (SILENT, "nothing", Answer({}), "ok"),
        (SAID, "unfree", Answer({}), "ok: unfree, said"),
        (SILENT, "unfree", Answer({}), "not said: evaluates with unfree allowed: why"),
        (SAID, "everything", Answer({}), "not said: evaluates with everything allowed: why"),
        (SAID, "nothing", Answer({"missing": ["mkl"]}), "ok: mkl missing, said"),
        (SILENT, "nothing", Answer({"missing": ["mkl"]}), "not said: mkl missing"),
        (
            SAID,
            "nothing",
            Answer({"foreign": ["libcub"]}),
            "false: libcub: no Python package, and taken for one",
        ),
        (SAID, "everything", Answer(error="mysql80 is gone"), "does not evaluate: mysql80 is gone"),
        (SAID, "", Answer(error="uv is broken"), "- the set itself does not evaluate: uv is broken"),
    ],
)
def test_what_code_needs_is_said_at_its_head(
    tmp_path: Path, code: str, allow: str, answer: Answer, said: str
) -> None:
    assert judge(make_case(tmp_path, code), "uv2nix", allow, answer, "why") == said


def test_head_ends_at_the_first_package(tmp_path: Path) -> None:
    path = make_case(tmp_path, SILENT).codes["uv2nix"]
    assert read_head(path) == "Written by wheelfix."
