"""What proofs are made with: it lets through what works, and nothing else."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.proof.proving import NOTHING, prove
from tests.support.wheel import build_wheel as build_tagged_wheel

OPENER = """
#include <dlfcn.h>
int open_it(void) { return dlopen("libmagic.so.1", RTLD_NOW) != 0; }
"""
NOTE = r"""
__asm__(".pushsection .note.dlopen,\"a\",@note\n.balign 4\n.long 4, 2f - 1f, 0x407c0c0a\n"
        ".asciz \"FDO\"\n1: .asciz \"[{\\\"soname\\\":[\\\"libnone.so.9\\\",\\\"libmagic.so.1\\\"]}]\"\n"
        "2: .balign 4\n.popsection");
"""
PYTHON = b"import ctypes\nlibrary = ctypes.CDLL('libmagic.so.1')\n"
LOAD = """
import ctypes, demo, pathlib
library = ctypes.CDLL(str(pathlib.Path(demo.__file__).with_name("x.so")))
assert library.answer() == 42
"""
build_wheel = partial(build_tagged_wheel, tag="py3-none-manylinux_2_28_x86_64")


def write_overlay(attributes: str, *, head: str = "") -> str:
    return f"""
{{ pkgs, lib, ... }}: final: prev: {head} {{
  demo = prev.demo.overrideAttrs (old: {{
    {attributes}
  }});
}}
"""


def give(*inputs: str) -> str:
    return write_overlay(f"buildInputs = (old.buildInputs or [ ]) ++ [ {' '.join(inputs)} ];")


@pytest.fixture
def elf_wheel(tmp_path: Path) -> Path:
    """A wheel with an ELF file that needs libmagic, and another one of its own."""
    files = {
        "demo/__init__.py": b"",
        "demo/x.so": build_elf(tmp_path / "work", "x.so", needed=["libmagic.so.1", "libinner.so"]),
        "demo/deep/libinner.so": build_elf(tmp_path / "work", "libinner.so", soname="libinner.so"),
    }
    return build_wheel(tmp_path, files=files)


@pytest.fixture
def python_wheel(tmp_path: Path) -> Path:
    """A wheel without ELF files, which opens libmagic by its name."""
    return build_wheel(tmp_path, files={"demo/__init__.py": PYTHON})


def opener_wheel(tmp_path: Path, code: str) -> Path:
    source = tmp_path / "opener.c"
    source.write_text(code)
    elf = build_elf(tmp_path / "work", "x.so", flags=[str(source)])
    return build_wheel(tmp_path, files={"demo/__init__.py": b"", "demo/x.so": elf})


def test_an_input_satisfies_what_an_elf_file_needs(elf_wheel: Path) -> None:
    result = prove([elf_wheel], give("pkgs.file"), LOAD)
    assert result.worked, result.said
    assert result.list_files_of("file") == ["libmagic.so.1"]


def test_without_the_input_the_build_fails_and_says_what_is_missing(elf_wheel: Path) -> None:
    result = prove([elf_wheel], NOTHING, LOAD)
    assert not result.built
    assert "x.so could not satisfy libmagic.so.1" in result.said
    assert "libinner" not in result.said.partition("could not")[0]
    assert not prove([elf_wheel], give("pkgs.libusb1"), LOAD).built


def test_what_is_ignored_by_its_exact_name_lets_the_build_through_but_not_the_import(elf_wheel: Path) -> None:
    ignored = write_overlay('autoPatchelfIgnoreMissingDeps = [ "libmagic.so.1" ];')
    result = prove([elf_wheel], ignored, LOAD)
    assert result.built
    assert not result.worked
    assert "libmagic.so.1: cannot open shared object file" in result.said
    assert not prove(
        [elf_wheel], write_overlay('autoPatchelfIgnoreMissingDeps = [ "libmagic.so" ];'), LOAD
    ).built


def test_an_attribute_that_nothing_stands_in_for_fails_the_build(elf_wheel: Path) -> None:
    assert not prove([elf_wheel], give("pkgs.nosuchthing"), LOAD).built


def test_the_output_with_the_library_is_propagated_by_the_one_that_is_an_input(tmp_path: Path) -> None:
    # An input of util-linux is its output for development; libuuid is in `lib`.
    elf = build_elf(tmp_path / "work", "x.so", needed=["libuuid.so.1"])
    wheel = build_wheel(tmp_path, files={"demo/__init__.py": b"", "demo/x.so": elf})
    result = prove([wheel], give("pkgs.util-linux"), LOAD)
    assert result.worked, result.said
    assert result.list_files_of("util-linux") == ["libuuid.so.1"]


def test_run_paths_of_inputs_are_followed(tmp_path: Path) -> None:
    # Of pango by way of libthai, in store paths of their own.
    elf = build_elf(tmp_path / "work", "x.so", needed=["libdatrie.so.1"])
    wheel = build_wheel(tmp_path, files={"demo/__init__.py": b"", "demo/x.so": elf})
    assert not prove([wheel], give("pkgs.file"), LOAD).built
    assert prove([wheel], give("pkgs.pango"), LOAD).worked


def test_a_search_path_leads_to_another_wheel(tmp_path: Path) -> None:
    inner = build_elf(tmp_path / "work", "libinner.so", soname="libinner.so")
    elf = build_elf(tmp_path / "work", "x.so", needed=["libinner.so"])
    other = build_wheel(tmp_path, name="other", files={"other/lib/libinner.so": inner})
    wheel = build_wheel(tmp_path, files={"demo/__init__.py": b"", "demo/x.so": elf})
    code = "preFixup = ''addAutoPatchelfSearchPath ${final.other}/${final.python.sitePackages}/other/lib'';"
    assert not prove([wheel, other], NOTHING, LOAD).built
    result = prove([wheel, other], write_overlay(code), LOAD)
    assert result.worked, result.said


def test_a_run_path_reaches_what_an_elf_file_opens_by_name(tmp_path: Path) -> None:
    wheel = opener_wheel(tmp_path, OPENER)
    probe = f"{LOAD}\nassert library.open_it()"
    result = prove([wheel], NOTHING, probe)
    assert result.built
    assert not result.worked
    code = 'appendRunpaths = (old.appendRunpaths or [ ]) ++ [ "${lib.getLib pkgs.file}/lib" ];'
    result = prove([wheel], write_overlay(code), probe)
    assert result.worked, result.said
    assert result.list_files_of("file") == ["libmagic.so.1"]


def test_a_note_about_dlopen_is_a_need(tmp_path: Path) -> None:
    wheel = opener_wheel(tmp_path, NOTE)
    result = prove([wheel], NOTHING, LOAD)
    assert not result.built
    assert "could not satisfy any(libnone.so.9, libmagic.so.1)" in result.said
    assert prove([wheel], give("pkgs.file"), LOAD).worked
    # A list is a variable of words separated by spaces, and every word a pattern.
    ignored = 'autoPatchelfIgnoreMissingDeps = [ "any(libnone.so.9,%slibmagic.so.1)" ];'
    assert not prove([wheel], write_overlay(ignored % " "), LOAD).built
    assert prove([wheel], write_overlay(ignored % "?"), LOAD).worked


def test_a_substituted_source_opens_a_store_path(python_wheel: Path) -> None:
    code = """
    postInstall = (old.postInstall or "") + ''
      substituteInPlace $out/${final.python.sitePackages}/demo/__init__.py \\
        --replace-fail "CDLL('libmagic.so.1')" "CDLL('${lib.getLib pkgs.file}/lib/libmagic.so.1')"
    '';
    """
    before = prove([python_wheel], NOTHING, "import demo")
    assert before.built
    assert not before.worked
    result = prove([python_wheel], write_overlay(code), "import demo")
    assert result.worked, result.said
    assert result.list_files_of("file") == ["libmagic.so.1"]


def test_a_substitution_fails_the_build_where_the_source_is_another_one(python_wheel: Path) -> None:
    code = """
    postInstall = ''
      substituteInPlace $out/${final.python.sitePackages}/demo/__init__.py \\
        --replace-fail "CDLL('libmagic.so.2')" "CDLL('${lib.getLib pkgs.file}/lib/libmagic.so.1')"
    '';
    """
    result = prove([python_wheel], write_overlay(code), "import demo")
    assert not result.built
    assert "libmagic.so.2" in result.said
    assert "does not match anything" in result.said


SHIM = """
import ctypes, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "demo":
            sys.meta_path.remove(self)
            plain = ctypes.CDLL.__init__
            def init(library, name, *args, **kwargs):
                plain(library, LIBRARIES.get(name, name), *args, **kwargs)
            ctypes.CDLL.__init__ = init
sys.meta_path.insert(0, Finder())
"""


def test_a_loader_shim_in_site_packages_maps_names_to_store_paths(python_wheel: Path) -> None:
    head = f"""
let
  code = ''{SHIM}'';
  shim = table: pkgs.writeText "_wheelfix_demo.py" "LIBRARIES = ${{builtins.toJSON table}}\\n${{code}}";
  start = pkgs.writeText "wheelfix-demo.pth" "import _wheelfix_demo\\n";
in"""
    code = """
    postInstall = (old.postInstall or "") + ''
      site=$out/${final.python.sitePackages}
      cp ${shim { "libmagic.so.1" = "${lib.getLib pkgs.file}/lib/libmagic.so.1"; }} $site/_wheelfix_demo.py
      cp ${start} $site/wheelfix-demo.pth
    '';
    """
    result = prove([python_wheel], write_overlay(code, head=head), "import demo")
    assert result.worked, result.said
    assert result.list_files_of("file") == ["libmagic.so.1"]
    unused = prove(
        [python_wheel], write_overlay(code, head=head), "import ctypes\nctypes.CDLL('libmagic.so.1')"
    )
    assert not unused.worked


def test_the_driver_has_a_directory_of_its_own(tmp_path: Path) -> None:
    elf = build_elf(tmp_path / "work", "x.so", needed=["libmagic.so.1"])
    wheel = build_wheel(tmp_path, files={"demo/__init__.py": b"", "demo/x.so": elf})
    code = """
    nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [ pkgs.autoAddDriverRunpath ];
    autoPatchelfIgnoreMissingDeps = [ "libmagic.so.1" ];
    """
    probe = """
import demo, pathlib
assert b"/run/opengl-driver/lib" in pathlib.Path(demo.__file__).with_name("x.so").read_bytes()
"""
    result = prove([wheel], write_overlay(code), probe)
    assert result.worked, result.said


NOTHING_ELSE = """
import ctypes.util, os, shutil, socket
assert not any(map(os.path.exists, ["/usr", "/bin", "/sbin", "/etc", "/run", "/nix", "/var"]))
assert shutil.which("ldconfig") is None and shutil.which("gcc") is None
assert "HOME" not in os.environ and "LD_LIBRARY_PATH" not in os.environ
assert ctypes.util.find_library("magic") is None
"""


def test_the_namespace_has_nothing_else(python_wheel: Path) -> None:
    result = prove([python_wheel], NOTHING, NOTHING_ELSE)
    assert result.worked, result.said


@pytest.mark.parametrize(
    "probe", ["raise SystemExit(0)", "import os; os.kill(os.getpid(), 11)", "import os; os._exit(0)"]
)
def test_whatever_ends_a_probe_early_is_no_success(python_wheel: Path, probe: str) -> None:
    assert not prove([python_wheel], NOTHING, probe).worked
