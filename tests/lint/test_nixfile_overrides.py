from __future__ import annotations

from pathlib import Path

import pytest

from wheelfix.errors import InputError
from wheelfix.lint.model import InputRoot, Instead, OverrideFile, PackageOverride, Place
from wheelfix.lint.nixfile.overrides import parse_overrides, read_overrides


def read(source: str) -> OverrideFile:
    return parse_overrides(source.encode(), subject="x.nix")


def only(source: str) -> PackageOverride:
    (override,) = read(source).overrides
    return override


def attrs(override: PackageOverride, list_name: str = "buildInputs") -> list[str]:
    return [i.attr for i in override.inputs if i.list_name == list_name and i.root is not InputRoot.PYTHON]


def by_name(source: str) -> dict[str | None, list[str]]:
    return {o.package: attrs(o) for o in read(source).overrides}


def overlay(body: str, arguments: str = "{ pkgs, lib, ... }:") -> str:
    return f"{arguments} final: prev: {{ numba = prev.numba.overrideAttrs (old: {{ {body} }}); }}"


def test_uv2nix_override() -> None:
    override = only(
        """{ pkgs }:
_final: prev: {
  # Wheels are automatically patched using autoPatchelfHook.
  numba = prev.numba.overrideAttrs (old: {
    buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.tbb_2021_11 ];
    autoPatchelfIgnoreMissingDeps = [ "libcuda.so.1" ];
  });
}
"""
    )
    assert (override.package, override.how) == ("numba", "overrideAttrs")
    assert override.place == Place(line=4, column=11)
    (entry,) = override.inputs
    assert (entry.attr, entry.root, entry.list_name) == ("tbb_2021_11", InputRoot.PKGS, "buildInputs")
    assert entry.place == Place(line=5, column=49)
    assert [(i.soname, i.place.line) for i in override.ignored] == [("libcuda.so.1", 6)]
    assert [a.name for a in override.attributes] == ["buildInputs", "autoPatchelfIgnoreMissingDeps"]
    assert not override.replaces
    assert not override.unclear


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ("[ pkgs.zlib ]", ["zlib"]),
        ("[ final.pkgs.zlib prev.pkgs.openssl ]", ["zlib", "openssl"]),
        ("with pkgs; [ zlib xorg.libX11 ]", ["zlib", "xorg.libX11"]),
        ("with final.pkgs; [ zlib ]", ["zlib"]),
        ("with lib; with pkgs; [ zlib ]", ["zlib"]),
        ("with pkgs; with lib; optionals true [ zlib ]", ["zlib"]),
        (
            '[ pkgs.zlib.dev (lib.getLib pkgs.openssl) (lib.getOutput "lib" pkgs.krb5) ]',
            ["zlib.dev", "openssl", "krb5"],
        ),
        (
            "[ stdenv.cc.cc.lib pkgs.stdenv.cc.cc final.stdenv.cc.cc.lib ]",
            ["stdenv.cc.cc.lib", "stdenv.cc.cc", "stdenv.cc.cc.lib"],
        ),
        ("old.buildInputs or [ ] ++ [ pkgs.zlib ]", ["zlib"]),
        ("(old.buildInputs or [ ]) ++ [ pkgs.a ] ++ [ pkgs.b ]", ["a", "b"]),
        ("[ (pkgs.openssl.override { static = true; }) ]", ["openssl"]),
        ("[ (pkgs.openssl.overrideAttrs (o: { doCheck = false; })) ]", ["openssl"]),
        ('[ pkgs."3to2" pkgs.${"zlib"} ]', ["3to2", "zlib"]),
        ("lib.unique (lib.flatten [ pkgs.a [ pkgs.b ] ])", ["a", "b"]),
        ("map (x: lib.getLib x) [ pkgs.a pkgs.b ]", ["a", "b"]),
        ('map (n: pkgs.${n}) [ "a" "b" ]', ["a", "b"]),
        ("lib.concatLists [ [ pkgs.a ] [ pkgs.b ] ]", ["a", "b"]),
        ("builtins.attrValues { inherit (pkgs) a b; }", []),
        ("let inherit (pkgs) zlib; x = [ zlib ]; in x ++ [ pkgs.b ]", ["zlib", "b"]),
        ("lib.optional pkgs.stdenv.isLinux pkgs.a ++ lib.optionals pkgs.stdenv.isDarwin [ pkgs.b ]", ["a"]),
        ("lib.optionals (pkgs.stdenv.hostPlatform.isDarwin || false) [ pkgs.b ] ++ [ pkgs.a ]", ["a"]),
        ("if pkgs.stdenv.isDarwin then [ pkgs.b ] else [ pkgs.a ]", ["a"]),
        ("lib.optionals (cudaSupport && pkgs.stdenv.isDarwin) [ pkgs.b ]", []),
        ("let a = [ pkgs.x ]; in let inherit a; in a", ["x"]),
        ("assert true; [ pkgs.a ]", ["a"]),
        ("null", []),
    ],
)
def test_lists(inputs: str, expected: list[str]) -> None:
    override = only(overlay(f"buildInputs = {inputs};", "{ pkgs, lib, stdenv, ... }:"))
    assert attrs(override) == expected
    assert bool(override.unclear) == ("attrValues" in inputs)


def test_lists_are_told_apart() -> None:
    override = only(
        overlay(
            "buildInputs = [ pkgs.a ]; nativeBuildInputs = [ pkgs.b ];"
            " propagatedBuildInputs = [ pkgs.c final.numpy ];"
        )
    )
    assert [(i.attr, i.list_name, i.root.value) for i in override.inputs] == [
        ("a", "buildInputs", "pkgs"),
        ("b", "nativeBuildInputs", "pkgs"),
        ("c", "propagatedBuildInputs", "pkgs"),
        ("numpy", "propagatedBuildInputs", "python"),
    ]
    assert override.replaces == {"buildInputs", "nativeBuildInputs", "propagatedBuildInputs"}


def test_conditions_are_kept_with_their_source() -> None:
    override = only(
        overlay(
            'buildInputs = lib.optionals (lib.versionOlder old.version "1") [ pkgs.a ]'
            " ++ (if cudaSupport then [ pkgs.b ] else [ pkgs.c ]);"
        )
    )
    assert [(i.attr, i.condition) for i in override.inputs] == [
        ("a", 'lib.versionOlder old.version "1"'),
        ("b", "cudaSupport"),
        ("c", "!(cudaSupport)"),
    ]


@pytest.mark.parametrize(
    "condition", ["pkgs.stdenv.isLinux", "(cudaSupport || !stdenv.isDarwin)", "(old ? x)"]
)
def test_what_always_holds_is_no_condition(condition: str) -> None:
    source = overlay(
        f"buildInputs = lib.optional {condition} pkgs.a ++ lib.optionals {condition} [ pkgs.b ];"
    )
    assert [(i.attr, i.condition) for i in only(source).inputs] == [("a", None), ("b", None)]


def test_attributes_for_other_systems_are_left_out() -> None:
    argument = (
        "old: lib.optionalAttrs stdenv.isDarwin { a = 1; } // lib.optionalAttrs stdenv.isLinux { b = 1; }"
    )
    override = only(f"{{ lib, stdenv }}: final: prev: {{ x = prev.x.overrideAttrs ({argument}); }}")
    assert [a.name for a in override.attributes] == ["b"]


def test_several_with_leave_alternatives() -> None:
    (entry,) = only(overlay("buildInputs = with pkgs; with xorg; [ libX11 ];")).inputs
    assert (entry.attr, entry.alternatives) == ("xorg.libX11", ("libX11",))


def test_with_around_the_whole_overlay() -> None:
    assert by_name(
        "{ pkgs, lib }: with pkgs; self: super: {"
        " a = super.a.overridePythonAttrs (old: { buildInputs = [ zlib ]; }); }"
    ) == {"a": ["zlib"]}


@pytest.mark.parametrize(
    ("ignore", "sonames", "everything"),
    [
        ('[ "libcuda.so.1" "libfoo.so.2" ]', ["libcuda.so.1", "libfoo.so.2"], False),
        ('(old.autoPatchelfIgnoreMissingDeps or [ ]) ++ [ "a.so" ]', ["a.so"], False),
        ('let driver = [ "libcuda.so.1" ]; in driver ++ [ "a.so" ]', ["libcuda.so.1", "a.so"], False),
        ("true", [], True),
        ("false", [], False),
        ('[ "*" ]', [], True),
        ('"libcuda.so.1"', ["libcuda.so.1"], False),
        ("''a.so''", ["a.so"], False),
        ('[ "libnvidia-*" ]', ["libnvidia-*"], False),
    ],
)
def test_ignore_lists(ignore: str, sonames: list[str], everything: bool) -> None:
    override = only(overlay(f"autoPatchelfIgnoreMissingDeps = {ignore};"))
    assert [i.soname for i in override.ignored] == sonames
    assert (override.ignores_all is not None) == everything


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("old: { buildInputs = [ ]; x = 1; }", ["buildInputs", "x"]),
        ("{ buildInputs = [ ]; }", ["buildInputs"]),
        ("_: { buildInputs = [ ]; }", ["buildInputs"]),
        ("finalAttrs: prevAttrs: { buildInputs = prevAttrs.buildInputs ++ [ ]; }", ["buildInputs"]),
        ("old: let x = 1; in { inherit x; }", ["x"]),
        ("old: { a = 1; } // { b = 2; }", ["a", "b"]),
        ("old: { a = 1; } // lib.optionalAttrs (old ? c) { b = 2; }", ["a", "b"]),
        ("old: old // { b = 2; }", ["b"]),
        ("old: if old ? x then { a = 1; } else { b = 2; }", ["a"]),
        ("old: if wheel then { a = 1; } else { b = 2; }", ["a", "b"]),
        ("old: lib.optionalAttrs (!(old.src.isWheel or false)) { a = 1; }", ["a"]),
        ("{ env.FOO = 1; }", ["env"]),
        ("{ buildInputs ? [ ], ... }: { buildInputs = buildInputs ++ [ ]; }", ["buildInputs"]),
    ],
)
def test_shapes_of_the_argument(argument: str, names: list[str]) -> None:
    override = only(f"{{ pkgs, lib }}: final: prev: {{ a = prev.a.overrideAttrs ({argument}); }}")
    assert [a.name for a in override.attributes] == names
    assert not override.unclear
    assert not override.replaces or "buildInputs = [ ]" in argument


def test_guards_and_merged_sets() -> None:
    assert by_name(
        """{ pkgs, lib }: final: prev: {
          a = prev.a.overrideAttrs { buildInputs = [ pkgs.x ]; };
        } // lib.optionalAttrs (prev ? b) {
          b = prev.b.overrideAttrs { buildInputs = [ pkgs.y ]; };
        } // (if prev ? c then { c = prev.c.overrideAttrs { buildInputs = [ pkgs.z ]; }; } else { })"""
    ) == {"a": ["x"], "b": ["y"], "c": ["z"]}


@pytest.mark.parametrize(
    "merged",
    [
        "lib.mergeAttrsList [ {a} (lib.optionalAttrs (prev ? b) {b}) ]",
        "with lib; mergeAttrsList [ {a} {b} ]",
        "lib.attrsets.mergeAttrsList ([ {a} ] ++ lib.optional c {b})",
        "lib.mergeAttrs {a} {b}",
        "({a} // {b}) // ({a} // {{ }})",
    ],
)
def test_merges_in_any_form(merged: str) -> None:
    a = "{ a = prev.a.overrideAttrs { buildInputs = [ pkgs.x ]; }; }"
    b = "{ b = prev.b.overrideAttrs (lib.mergeAttrsList [ { } { buildInputs = [ pkgs.y ]; } ]); }"
    found = by_name("{ pkgs, lib, c }: final: prev: " + merged.format(a=a, b=b))
    assert found == {"a": ["x"], "b": ["y"]}


def test_a_condition_in_a_merge_is_kept() -> None:
    override = only(
        "{ pkgs, lib, c }: final: prev: { a = prev.a.overrideAttrs (old: lib.mergeAttrsList ("
        "[ { buildInputs = [ pkgs.x ]; } ] ++ lib.optional c { buildInputs = [ pkgs.y ]; })); }"
    )
    assert [(i.attr, i.condition) for i in override.inputs] == [("x", None), ("y", "c")]


def test_an_overlay_of_nixpkgs_is_told_in_a_merge() -> None:
    source = """final: prev: lib.mergeAttrsList [
      { python3 = prev.python3.override { }; }
      (lib.optionalAttrs (prev ? a) { a = prev.a.overrideAttrs { buildInputs = [ final.x ]; }; })
    ]"""
    assert read(source).overrides == ()
    assert by_name(source.replace("python3", "b")) == {"a": []}


def test_composed_overlays_and_let() -> None:
    source = """{ pkgs, lib }:
    let
      first = self: super: { a = super.a.overridePythonAttrs (old: { buildInputs = common; }); };
      common = with pkgs; [ zlib ];
    in
    lib.composeManyExtensions [
      first
      (final: prev: { b = prev.b.overrideAttrs { buildInputs = common; }; })
    ]"""
    assert by_name(source) == {"a": ["zlib"], "b": ["zlib"]}


def test_functions_of_the_file() -> None:
    source = """{ pkgs, lib }:
    let
      add = drv: inputs: drv.overrideAttrs (old: { buildInputs = (old.buildInputs or [ ]) ++ inputs; });
      patch = { drv, extra ? [ pkgs.zlib ] }: drv.overridePythonAttrs (old: { buildInputs = extra; });
    in final: prev: {
      a = add prev.a [ pkgs.x ];
      b = add prev.b (with pkgs; [ y ]);
      c = patch { drv = prev.c; };
      d = patch { drv = prev.d; extra = [ pkgs.z ]; };
    }"""
    assert by_name(source) == {"a": ["x"], "b": ["y"], "c": ["zlib"], "d": ["z"]}
    assert read(source).unclear == ()


def test_calls_are_understood_better_than_their_function() -> None:
    source = """{ pkgs }: final: prev:
    let patch = inputs: prev.torch.overrideAttrs (old: { buildInputs = inputs; });
    in { torch = patch [ pkgs.a ]; }"""
    assert by_name(source) == {"torch": ["a"]}
    assert not only(source).unclear


def test_tables_mapped_over() -> None:
    source = """{ pkgs, lib }:
    let table = { pyodbc = [ pkgs.unixODBC ]; "ruamel.yaml" = [ pkgs.libyaml ]; }; in
    lib.composeManyExtensions [
      (final: prev: lib.mapAttrs (name: inputs: prev.${name}.overrideAttrs (old: {
        buildInputs = (old.buildInputs or [ ]) ++ inputs;
      })) table)
      (final: prev: lib.genAttrs [ "a" "b" ] (n: prev.${n}.overrideAttrs { buildInputs = [ pkgs.zlib ]; }))
    ]"""
    assert by_name(source) == {
        "pyodbc": ["unixODBC"],
        "ruamel.yaml": ["libyaml"],
        "a": ["zlib"],
        "b": ["zlib"],
    }
    assert read(source).unclear == ()


def test_plain_tables() -> None:
    found = read(
        "{ pkgs }: { h5py = { buildInputs = [ pkgs.hdf5 ]; }; pyzmq.buildInputs = [ pkgs.zeromq ]; x.y = 1; }"
    )
    assert [(o.package, o.how, attrs(o)) for o in found.overrides] == [
        ("h5py", "set", ["hdf5"]),
        ("pyzmq", "set", ["zeromq"]),
    ]


def test_mach_nix() -> None:
    source = """mach-nix.mkPython {
      requirements = "numba";
      _.numba.buildInputs.add = with pkgs; [ tbb ];
      _.numba.nativeBuildInputs.add = [ pkgs.cmake ];
      _ = { a.buildInputs = [ pkgs.x ]; b = { buildInputs.add = [ pkgs.y ]; }; };
    }"""
    found = {o.package: o for o in read(source).overrides}
    assert {o.how for o in found.values()} == {"mach-nix"}
    assert {name: attrs(o) for name, o in found.items()} == {"numba": ["tbb"], "a": ["x"], "b": ["y"]}
    assert attrs(found["numba"], "nativeBuildInputs") == ["cmake"]


def test_build_python_package() -> None:
    source = """{ lib, buildPythonPackage, fetchPypi, openssl, numpy, stdenv }:
    buildPythonPackage rec {
      pname = "demo";
      version = "1.0";
      format = "wheel";
      buildInputs = [ openssl stdenv.cc.cc.lib ];
      propagatedBuildInputs = [ numpy ];
    }"""
    override = only(source)
    assert (override.package, override.how) == ("demo", "buildPythonPackage")
    assert [(i.attr, i.root.value) for i in override.inputs] == [
        ("openssl", "argument"),
        ("stdenv.cc.cc.lib", "pkgs"),
        ("numpy", "argument"),
    ]


def test_overlays_of_nixpkgs_are_not_of_python() -> None:
    source = """final: prev: {
      zlib = prev.zlib.overrideAttrs (old: { buildInputs = [ final.x ]; });
      pythonPackagesExtensions = prev.pythonPackagesExtensions ++ [
        (pyfinal: pyprev: {
          cffi = pyprev.cffi.overridePythonAttrs (old: { buildInputs = [ final.libffi pyfinal.x ]; });
        })
      ];
      python3 = prev.python3.override {
        packageOverrides = self: super: {
          lz4 = super.lz4.overridePythonAttrs { buildInputs = [ prev.lz4 ]; };
        };
      };
    }"""
    assert by_name(source) == {"cffi": ["libffi"], "lz4": ["lz4"]}


def test_sets_of_python_packages_in_nixpkgs() -> None:
    assert by_name(
        "{ pkgs }: { x = pkgs.python312Packages.numba.overrideAttrs { buildInputs = [ pkgs.a ]; }; }"
    ) == {"numba": ["a"]}
    assert by_name("{ pkgs }: pkgs.python3.pkgs.numba.overridePythonAttrs { buildInputs = [ pkgs.a ]; }") == {
        "numba": ["a"]
    }


def test_chained_overrides_are_of_one_package() -> None:
    source = """{ pkgs, hacks }: final: prev: {
      a = (prev.a.override { x = 1; }).overrideAttrs (old: { buildInputs = [ pkgs.x ]; });
      torch = (hacks.nixpkgsPrebuilt {
        from = pkgs.python3Packages.torch;
        prev = prev.torch;
      }).overrideAttrs (old: {
        autoPatchelfIgnoreMissingDeps = true;
      });
    }"""
    assert {o.package for o in read(source).overrides} == {"a", "torch"}


def test_file_that_is_one_override() -> None:
    override = only("{ final, pkgs, ... }: old: { buildInputs = old.buildInputs or [ ] ++ [ pkgs.a ]; }")
    assert override.package is None
    assert attrs(override) == ["a"]


def test_flake_with_its_own_pkgs() -> None:
    source = """{
      outputs = { self, nixpkgs, uv2nix, ... }: let
        inherit (nixpkgs) lib;
        pkgs = nixpkgs.legacyPackages.x86_64-linux;
        overrides = final: prev: {
          numba = prev.numba.overrideAttrs (old: { buildInputs = [ pkgs.onetbb ]; });
        };
      in { devShells.x86_64-linux.default = pkgs.mkShell { buildInputs = [ pkgs.uv ]; }; };
    }"""
    assert by_name(source) == {"numba": ["onetbb"]}


@pytest.mark.parametrize(
    ("inputs", "text", "reason"),
    [
        ("import ./inputs.nix", "import ./inputs.nix", "in another file"),
        (
            "[ (pkgs.callPackage ./x.nix { }) ]",
            "pkgs.callPackage ./x.nix { }",
            "a function that is not in this file",
        ),
        ("[ pkgs.${name} ]", "pkgs.${name}", "a computed name"),
        ("let x = x; in x", "x", "refers to itself"),
        ('[ "zlib" ]', '"zlib"', "no package"),
        ("inputs.${system}", "inputs.${system}", "a computed name"),
        ("somebody", "somebody", "no list that is written in this file"),
        ("[ somebody ]", "somebody", "no package"),
    ],
)
def test_what_is_not_understood_is_said(inputs: str, text: str, reason: str) -> None:
    override = only(overlay(f"buildInputs = {inputs} ++ [ pkgs.known ];"))
    assert attrs(override) == ["known"]
    (unclear,) = override.unclear
    assert unclear.text == text
    assert reason in unclear.reason
    assert unclear.place.line == 1


def test_override_of_no_named_package_is_said() -> None:
    found = read("final: prev: { x = map (n: prev.${n}.overrideAttrs { buildInputs = [ ]; }) names; }")
    assert found.overrides == ()
    assert "computed name" in found.unclear[0].reason


def test_endless_recursion_ends() -> None:
    found = read(
        "let f = x: f (x ++ x); in"
        " final: prev: { a = prev.a.overrideAttrs { buildInputs = f [ prev.pkgs.b ]; }; }"
    )
    assert "too much to follow" in found.overrides[0].unclear[0].reason


def test_exponential_file_ends() -> None:
    doubled = " ".join(f"x{n} = x{n - 1} ++ x{n - 1};" for n in range(1, 60))
    calls = " ".join(f"f{n} = y: f{n - 1} (f{n - 1} y);" for n in range(1, 60))
    source = (
        f"let f0 = y: y; {calls} in final: prev: {{ a = prev.a.overrideAttrs {{ buildInputs = f59 [ ]; }}; }}"
    )
    assert read(source).overrides[0].package == "a"
    last = "final: prev: { a = prev.a.overrideAttrs { buildInputs = x59; }; }"
    source = f"let x0 = [ pkgs.a ]; {doubled} in {last}"
    assert read(source).overrides[0].unclear


@pytest.mark.parametrize(
    "link",
    [
        "x{n} = x{m};",
        "x{n} = if c then [ pkgs.b ] else x{m};",
        "x{n} = if c then x{m} else x{m};",
        "x{n} = [ x{m} x{m} ];",
        "x{n} = map (y: y) (x{m} ++ x{m});",
        "x{n} = lib.concatLists [ x{m} x{m} ];",
    ],
)
def test_endless_chains_end(link: str) -> None:
    chain = " ".join(link.format(n=n, m=n - 1) for n in range(1, 2000))
    for use in ("{ buildInputs = x1999; }", "{ buildInputs = [ x1999 ]; }", "x1999"):
        source = f"let x0 = [ pkgs.a ]; {chain} in final: prev: {{ a = prev.a.overrideAttrs {use}; }}"
        assert read(source).overrides[0].unclear


@pytest.mark.parametrize("link", ["x{n} = x{m} // x{m};", "x{n} = lib.mergeAttrsList [ x{m} x{m} ];"])
def test_sets_that_are_doubled_end(link: str) -> None:
    def read_chain(length: int) -> OverrideFile:
        chain = " ".join(link.format(n=n, m=n - 1) for n in range(1, length + 1))
        use = f"overrideAttrs (lib.optionalAttrs c x{length})"
        uses = " ".join(f"a{n} = prev.a{n}.{use};" for n in range(1000))
        return read(f"let x0 = {{ buildInputs = [ pkgs.a ]; }}; {chain} in final: prev: {{ {uses} }}")

    assert attrs(read_chain(1).overrides[0]) == ["a", "a"]
    # 65 536 entries are copied a thousand times, or not followed.
    assert "there may be more" in read_chain(16).unclear[0].reason
    assert read_chain(60).overrides[-1].unclear


def test_more_than_anybody_waits_for_is_said() -> None:
    found = read(
        "let f = x: map f [ x x ]; in final: prev: { a = prev.a.overrideAttrs { buildInputs = f 1; }; }"
    )
    assert "there may be more" in found.unclear[0].reason


def test_a_file_with_many_overrides() -> None:
    lines = [
        f"p{n} = prev.p{n}.overridePythonAttrs (old: {{ buildInputs = [ pkgs.l{n} ]; }});"
        for n in range(2000)
    ]
    found = by_name("{ pkgs }: final: prev: {\n" + "\n".join(lines) + "\n}")
    assert found == {f"p{n}": [f"l{n}"] for n in range(2000)}


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_overrides(tmp_path / "none.nix")
    with pytest.raises(InputError, match="is a directory"):
        read_overrides(tmp_path)


def searches(override: PackageOverride) -> list[tuple[str | None, str]]:
    return [(s.distribution or s.attr, s.directory) for s in override.searches]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("${final.cublas}/${final.python.sitePackages}/nvidia/cublas/lib", ("cublas", "nvidia/cublas/lib")),
        ("${prev.cublas}/lib/python3.12/site-packages/nvidia/lib", ("cublas", "nvidia/lib")),
        ('"${final.cublas}/${pkgs.python312.sitePackages}/a b"', ("cublas", "a b")),
        ("'${final.cublas}'/${final.python.sitePackages}/.", ("cublas", ".")),
        ("${final.tbb}/lib", ("tbb", "../..")),
        ('${final."3to2"}/${final.python.sitePackages}/x', ("3to2", "x")),
        ("${pkgs.jdk}/lib/openjdk/lib/server", ("jdk", "lib/openjdk/lib/server")),
        ("${lib.getLib pkgs.mariadb}/lib/mariadb", ("mariadb", "lib/mariadb")),
        ("--no-recurse ${pkgs.jdk}/lib/server", ("jdk", "lib/server")),
    ],
)
def test_directories_that_auto_patchelf_is_shown(word: str, expected: tuple[str, str]) -> None:
    code = f"""(old.preFixup or "") + ''
      # where it is
      addAutoPatchelfSearchPath {word}
    ''"""
    override = only(overlay(f"preFixup = {code};"))
    assert searches(override) == [expected]
    assert not override.unread
    assert not override.unclear


@pytest.mark.parametrize(
    "code",
    [
        "addAutoPatchelfSearchPath $out/lib",
        "addAutoPatchelfSearchPath ${somebody}/lib",
        "addAutoPatchelfSearchPath ${final.x}/${y}/lib",
        "patchelf --set-rpath x $out/y",
        "for x in a b; do addAutoPatchelfSearchPath $x; done",
        "ln -s ${pkgs.zlib}/lib/libz.so $out/lib",
        "echo 'unended",
    ],
)
def test_code_that_is_not_understood_may_show_anything(code: str) -> None:
    override = only(overlay(f'preFixup = "{code}";'))
    assert searches(override) == []
    assert override.unread == {"preFixup"}


def test_code_in_parts_keeps_what_each_part_depends_on() -> None:
    line = "addAutoPatchelfSearchPath ${{final.{name}}}/lib\\n"
    code = " + ".join(
        f'lib.optionalString {condition} "{line.format(name=name)}"'
        for condition, name in [("(final ? a)", "a"), ("c", "b"), ("pkgs.stdenv.isDarwin", "d")]
    )
    override = only(overlay(f"preFixup = {code};"))
    assert [(s.distribution, s.condition) for s in override.searches] == [("a", None), ("b", "c")]
    assert not override.unread


def test_libraries_of_run_time() -> None:
    override = only(
        overlay(
            'appendRunpaths = [ "${lib.getLib pkgs.a}/lib" "${pkgs.b}/lib/b" "/run/opengl-driver/lib" ];'
            " runtimeDependencies = [ pkgs.c ];"
        )
    )
    assert attrs(override, "appendRunpaths") == ["a"]
    assert attrs(override, "runtimeDependencies") == ["c"]
    assert searches(override) == [("b", "lib/b")]


@pytest.mark.parametrize(
    "shell",
    [
        "pkgs.mkShell { LD_LIBRARY_PATH = lib.makeLibraryPath [ pkgs.a pkgs.b ]; }",
        "pkgs.mkShell { env.LD_LIBRARY_PATH = lib.makeLibraryPath [ pkgs.a pkgs.b ]; }",
        "pkgs.mkShell { env = { LD_LIBRARY_PATH = lib.makeLibraryPath (with pkgs; [ a b ]); }; }",
        'pkgs.mkShellNoCC { NIX_LD_LIBRARY_PATH = "${pkgs.a}/lib:${lib.getLib pkgs.b}/lib:$X:/usr/lib"; }',
        'with import <nixpkgs> { }; mkShell { LD_LIBRARY_PATH = lib.makeSearchPath "lib" [ a b ]; }',
        "let l = with pkgs; [ a b ]; in pkgs.mkShell { LD_LIBRARY_PATH = pkgs.lib.makeLibraryPath l; }",
        'pkgs.mkShell { LD_LIBRARY_PATH = lib.concatStringsSep ":" [ "${pkgs.a}/lib" "${pkgs.b}/lib" ]; }',
        'pkgs.mkShell { shellHook = "export LD_LIBRARY_PATH=${lib.makeLibraryPath [ pkgs.a pkgs.b ]}"; }',
        """pkgs.mkShell { shellHook = ''
          echo hello
          export LD_LIBRARY_PATH="${lib.makeLibraryPath [ pkgs.a ]}:${pkgs.b}/lib:$LD_LIBRARY_PATH"
        ''; }""",
        """pkgs.mkShell { shellHook = "A=1; NIX_LD_LIBRARY_PATH=\\${NIX_LD_LIBRARY_PATH:-/x}:"
          + lib.makeLibraryPath [ pkgs.a pkgs.b ]; }""",
        "{ programs.nix-ld = { enable = true; libraries = with pkgs; [ a b ]; }; }",
        "{ programs.nix-ld.libraries = [ pkgs.a pkgs.b ]; }",
        "{ options }: { programs.nix-ld.libraries = options.programs.nix-ld.default ++ [ pkgs.a pkgs.b ]; }",
        "{ languages.python = { enable = true; libraries = with pkgs; [ a b ]; }; }",
        '{ languages.python.libraries = [ "${pkgs.a}" pkgs.b ]; }',
    ],
)
def test_shells(shell: str) -> None:
    found = read(f"{{ pkgs, lib, ... }}: {shell}")
    assert found.overrides == ()
    (one,) = found.shells
    assert [i.attr for i in one.inputs] == ["a", "b"]
    assert not one.unclear
    assert not one.driver


def test_more_than_libraries_in_a_shell() -> None:
    (shell,) = read(
        """{ pkgs, lib }: pkgs.mkShell {
          packages = [ pkgs.uv ];
          LD_LIBRARY_PATH = lib.makeLibraryPath ([ pkgs.a ] ++ lib.optional c pkgs.b ++ [ (f pkgs.x) ])
            + ":${pkgs.jdk}/lib/server:/run/opengl-driver/lib";
        }"""
    ).shells
    assert [(i.attr, i.list_name, i.condition) for i in shell.inputs] == [
        ("a", "LD_LIBRARY_PATH", None),
        ("b", "LD_LIBRARY_PATH", "c"),
    ]
    assert searches(shell) == [("jdk", "lib/server")]
    assert shell.driver
    assert [u.text for u in shell.unclear] == ["f pkgs.x"]


def test_the_driver_in_the_hook_of_a_shell() -> None:
    hook = "export LD_LIBRARY_PATH=/run/opengl-driver/lib:${pkgs.jdk}/lib/server"
    (shell,) = read(f'{{ pkgs }}: pkgs.mkShell {{ shellHook = "{hook}"; }}').shells
    assert shell.driver
    assert searches(shell) == [("jdk", "lib/server")]
    assert read('{ pkgs }: pkgs.mkShell { shellHook = "export MY_LD_LIBRARY_PATH=/x"; }').shells == ()


def test_links_in_a_list_of_libraries() -> None:
    (module,) = read(
        """{ pkgs, ... }: { programs.nix-ld.libraries = [
          (pkgs.linkFarm "server" [ { name = "lib"; path = "${pkgs.jdk}/lib/server"; } ])
          (pkgs.linkFarm "x" [ { name = "lib/libcuda.so.1"; path = "/run/opengl-driver/lib/libcuda.so.1"; } ])
        ]; }"""
    ).shells
    assert module.driver
    assert searches(module) == [("jdk", "lib/server")]
    assert not module.unclear
    (devenv,) = read('{ languages.python.libraries = [ "/run/opengl-driver" ]; }').shells
    assert devenv.driver


def test_a_shell_without_libraries_says_nothing() -> None:
    found = read('{ pkgs }: pkgs.mkShell { packages = [ pkgs.uv ]; env.UV = "1"; }')
    assert (found.shells, found.overrides, found.unclear) == ((), (), ())


@pytest.mark.parametrize(
    ("package", "instead"),
    [
        ("hacks.nixpkgsPrebuilt { from = pkgs.x; prev = prev.demo; }", Instead.PREBUILT),
        (
            'let from = pkgs.x; in lib.warnIf c "text" (hacks.nixpkgsPrebuilt { inherit from; })',
            Instead.PREBUILT,
        ),
        ("(hacks.importCargoLock { prev = prev.demo; }).overrideAttrs (old: { })", Instead.SOURCE),
        ('prev.demo.override { sourcePreference = "sdist"; }', Instead.SOURCE),
        ("prev.demo.override { preferWheel = false; }", Instead.SOURCE),
        ('final.buildPythonPackage { pname = "demo"; pyproject = true; }', Instead.SOURCE),
        ('final.buildPythonPackage { pname = "demo"; format = "setuptools"; }', Instead.SOURCE),
        ('final.buildPythonPackage { pname = "demo"; format = "wheel"; }', None),
        ('final.buildPythonPackage { pname = "demo"; buildInputs = [ ]; }', None),
    ],
)
def test_what_is_there_instead_of_a_wheel(package: str, instead: Instead | None) -> None:
    found = read(f"{{ pkgs, lib, hacks, ... }}: final: prev: {{ demo = {package}; }}")
    assert {o.package for o in found.overrides} == {"demo"}
    assert next((o.instead for o in found.overrides if o.instead), None) is instead
    assert found.unclear == ()


def test_choices_that_choose_no_source_are_no_overrides() -> None:
    assert read("final: prev: { demo = prev.demo.override { x = 1; }; }").overrides == ()


def test_environments_and_crates_are_no_packages() -> None:
    found = read(
        """{ pkgs, rustPlatform, ... }: final: prev: {
          mkVirtualEnv = name: spec: (prev.mkVirtualEnv name spec).overrideAttrs (old: { venvSkip = [ ]; });
          x = prev.x.overrideAttrs { cargoDeps = rustPlatform.importCargoLock { lockFile = ./Cargo.lock; }; };
        }"""
    )
    assert [(o.package, o.instead) for o in found.overrides] == [("x", None)]
    assert found.unclear == ()


@pytest.mark.parametrize("start", ["${pkgs.a}/lib", "letters"])
@pytest.mark.parametrize("link", ['"${{x{m}}}${{x{m}}}"', "x{m} + x{m}", "lib.concatStrings [ x{m} x{m} ]"])
def test_strings_that_are_doubled_end(start: str, link: str) -> None:
    doubled = " ".join(f"x{n} = {link.format(m=n - 1)};" for n in range(1, 60))
    source = f'let x0 = "{start}"; {doubled} in final: prev: '
    uses = " ".join(f"a{n} = prev.a{n}.overrideAttrs {{ preFixup = x59; }};" for n in range(1000))
    assert read(f"{source} {{ {uses} }}").overrides[-1].unread == {"preFixup"}


def test_a_long_script_is_read_at_once() -> None:
    line = "addAutoPatchelfSearchPath ${final.a}/lib\n"
    quoted = "addAutoPatchelfSearchPath '" + "x" * 10_000
    override = only(overlay(f'preFixup = "{line * 500}{quoted}";'))
    assert set(searches(override)) == {("a", "../..")}
    assert override.unread == {"preFixup"}
