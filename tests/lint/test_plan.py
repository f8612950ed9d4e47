from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.support.objects import cause, elf, provider
from wheelfix.lint.excerpt import spell_attr
from wheelfix.lint.model import IndexExcerpt, Instead, LintFinding, Rule, Spelling
from wheelfix.lint.nixfile.overrides import parse_overrides
from wheelfix.lint.plan import find_lint
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.hints import OpeningKind
from wheelfix.model.hook import Missed, MissReason
from wheelfix.model.index import IndexInfo
from wheelfix.model.scan import Level, Need, Opening, WheelScan

INDEX = IndexInfo(source="file", system="x86_64-linux", date=None, digest="", sonames=0, entries=0)


def need(
    soname: str,
    kind: NeedClass,
    *attrs: str,
    distribution: str | None = None,
    directory: str | None = None,
) -> Need:
    return Need(
        soname=soname,
        machine="x86_64",
        need_class=kind,
        cause=cause(kind, soname, attrs=attrs, distribution=distribution, directory=directory),
        wanted_by=("demo/_core.so",),
        providers=tuple(provider(attr, soname) for attr in attrs),
    )


TBB = need("libtbb.so.12", NeedClass.PROVIDED, "onetbb")
CXX = need("libstdc++.so.6", NeedClass.PROVIDED, "stdenv.cc.cc.lib")
CUDA = need("libcuda.so.1", NeedClass.DRIVER)
BLAS = need("libcublas.so.12", NeedClass.SIBLING, "cudaPackages.libcublas", distribution="nvidia-cublas-cu12")
BUNDLED = need("libz.so.1", NeedClass.BUNDLED, "zlib")
NOBODY = need("libgone.so.3", NeedClass.UNKNOWN)
EITHER = need("libmpi.so.40", NeedClass.AMBIGUOUS, "openmpi", "mpich")
BASELINE = ("stdenv.cc.cc.lib", "libx11")


def scan(*needs: Need, name: str = "demo", opened: Sequence[str] = (), pure: bool = False) -> WheelScan:
    provided = {n.providers[0].attr for n in needs if n.need_class is NeedClass.PROVIDED}
    return WheelScan(
        target=f"{name}.whl",
        name=name,
        version="1.0",
        tags=(),
        requires_dist=(),
        index=INDEX,
        machine="x86_64",
        objects=() if pure else (elf("demo/_core.so"),),
        needs=needs,
        openings=tuple(Opening(file="demo/x.py", kind=OpeningKind.CTYPES, names=(s,)) for s in opened),
        build_inputs=tuple(sorted(provided)),
        baseline_inputs=tuple(sorted(provided & set(BASELINE))),
        missed=(),
        findings=(),
    )


KNOWN = (
    "onetbb",
    "openssl",
    "zlib",
    "libx11",
    "stdenv.cc.cc.lib",
    "file",
    "openmpi",
    "mpich",
    "cudaPackages.libcublas",
)
NEAREST = {"opensls": ("openssl",)}


def check(
    source: str, *scans: WheelScan, similar: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[LintFinding, ...]:
    file = parse_overrides(source.encode(), subject="x.nix")
    carriers = {n.soname: frozenset(p.attr for p in n.providers) for s in scans for n in s.needs}
    inputs = {}
    places = (*file.overrides, *file.shells)
    attrs = [a for o in places for i in o.inputs for a in (i.attr, *i.alternatives)]
    attrs += [s.attr for o in places for s in o.searches if s.attr]
    for written in attrs:
        attr = spell_attr(written)
        inputs[written] = Spelling(
            attr=attr, known=attr in KNOWN, renamed=written == "xorg.libX11", nearest=NEAREST.get(written, ())
        )
    excerpt = IndexExcerpt(
        names={o.package: o.package.lower().replace("_", "-") for o in file.overrides if o.package},
        spellings=inputs,
        carriers={**carriers, "libmagic.so.1": frozenset({"file"})},
        similar=similar or {},
        baselines={s.target: frozenset(BASELINE) for s in scans},
    )
    return find_lint(file, scans, excerpt)


def override(body: str, name: str = "demo") -> str:
    return f"{{ pkgs, lib }}: final: prev: {{\n{name} = prev.{name}.overrideAttrs (old: {{\n{body}\n}}); }}"


def inputs(items: str) -> str:
    return override(f"buildInputs = (old.buildInputs or [ ]) ++ [ {items} ];")


def ignoring(items: str) -> str:
    return override(f"autoPatchelfIgnoreMissingDeps = {items};")


def one(findings: Sequence[LintFinding]) -> LintFinding:
    (finding,) = findings
    return finding


def test_override_that_fits_says_nothing() -> None:
    source = override(
        "buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.onetbb ];"
        ' autoPatchelfIgnoreMissingDeps = [ "libcuda.so.1" ];'
    )
    assert check(source, scan(TBB, CXX, CUDA, BUNDLED)) == ()


@pytest.mark.parametrize("attr", ["tbb_2021_11", "onetbb.out", "tbb"])
def test_older_names_and_outputs_fit_too(attr: str) -> None:
    assert not [f for f in check(inputs(f"pkgs.{attr}"), scan(TBB)) if f.level is not Level.NOTE]


def test_missing_input() -> None:
    finding = one(check(inputs(""), scan(TBB, CXX)))
    assert (finding.rule, finding.level, finding.suggestion) == (
        Rule.MISSING_INPUT,
        Level.ERROR,
        "pkgs.onetbb",
    )
    assert (finding.path, finding.place and finding.place.line) == ("x.nix", 3)
    assert "libtbb.so.12, wanted by demo/_core.so" in finding.message


def test_missing_is_not_certain_where_something_is_not_understood() -> None:
    found = check(inputs("(pkgs.callPackage ./x.nix { })"), scan(TBB))
    assert [(f.rule, f.level) for f in found] == [
        (Rule.MISSING_INPUT, Level.WARNING),
        (Rule.NOT_UNDERSTOOD, Level.NOTE),
    ]


def test_missing_override_names_all_that_is_needed() -> None:
    finding = one(check("final: prev: { }", scan(TBB, CXX, CUDA)))
    assert (finding.rule, finding.level, finding.place) == (Rule.MISSING_OVERRIDE, Level.ERROR, None)
    assert finding.suggestion == (
        "buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.onetbb ]; "
        'autoPatchelfIgnoreMissingDeps = [ "libcuda.so.1" ];'
    )
    assert check("final: prev: { }", scan(CXX, BUNDLED)) == ()


def test_input_in_the_wrong_list() -> None:
    finding = one(check(override("nativeBuildInputs = old.nativeBuildInputs ++ [ pkgs.onetbb ];"), scan(TBB)))
    assert (finding.rule, finding.subject, finding.level) == (Rule.WRONG_LIST, "onetbb", Level.ERROR)


def test_list_that_replaces_the_inherited_one() -> None:
    finding = one(check(override("buildInputs = [ pkgs.onetbb ];"), scan(TBB, CXX)))
    assert finding.rule is Rule.REPLACED_INPUTS
    assert "stdenv.cc.cc.lib" in finding.message
    assert check(override("buildInputs = [ pkgs.onetbb stdenv.cc.cc.lib ];"), scan(TBB, CXX)) == ()
    assert check(override("buildInputs = [ pkgs.onetbb ];"), scan(TBB)) == ()


def test_build_python_package_adds_nothing_by_itself() -> None:
    source = '{ pkgs }: pkgs.buildPythonPackage { pname = "Demo"; buildInputs = [ pkgs.onetbb ]; }'
    assert one(check(source, scan(TBB, CXX))).subject == "stdenv.cc.cc.lib"


def test_unneeded_input() -> None:
    finding = one(check(inputs("pkgs.onetbb pkgs.openssl"), scan(TBB)))
    assert (finding.rule, finding.subject, finding.level) == (Rule.UNNEEDED_INPUT, "openssl", Level.WARNING)


def test_unneeded_since_bundled_tells_so() -> None:
    finding = one(check(inputs("pkgs.zlib"), scan(BUNDLED)))
    assert "only libz.so.1 of it is wanted, and the wheel brings it itself" in finding.message


def test_unneeded_by_pure_python() -> None:
    assert "pure Python" in one(check(inputs("pkgs.zlib"), scan(pure=True))).message


def test_conditional_inputs_are_notes() -> None:
    source = override("buildInputs = old.buildInputs ++ lib.optionals cudaSupport [ pkgs.openssl ];")
    finding = one(check(source, scan(CXX)))
    assert (finding.rule, finding.level) == (Rule.UNNEEDED_INPUT, Level.NOTE)
    assert "only if cudaSupport" in finding.message


def test_inputs_for_other_systems_are_not_judged() -> None:
    source = override("buildInputs = old.buildInputs ++ lib.optionals pkgs.stdenv.isDarwin [ pkgs.openssl ];")
    assert check(source, scan(CXX)) == ()


@pytest.mark.parametrize(
    "wanted",
    [EITHER, BLAS, need("libmpi.so.40", NeedClass.PROVIDED, "mpich", "openmpi")],
    ids=lambda n: n.need_class,
)
def test_any_provider_will_do(wanted: Need) -> None:
    attr = "cudaPackages.libcublas" if wanted is BLAS else "openmpi"
    assert check(inputs(f"pkgs.{attr}"), scan(wanted)) == ()


def test_what_is_opened_by_name_needs_its_input() -> None:
    assert check(inputs("pkgs.file"), scan(CXX, opened=["libmagic.so.1"])) == ()


def test_already_added() -> None:
    found = check(inputs("pkgs.stdenv.cc.cc.lib pkgs.xorg.libX11"), scan(CXX))
    assert [(f.rule, f.subject) for f in found] == [
        (Rule.ALREADY_ADDED, "stdenv.cc.cc.lib"),
        (Rule.ALREADY_ADDED, "xorg.libX11"),
        (Rule.RENAMED_INPUT, "xorg.libX11"),
    ]
    assert {f.level for f in found} == {Level.NOTE}


def test_tools_hooks_and_python_packages_are_not_judged() -> None:
    assert check(inputs("pkgs.autoPatchelfHook pkgs.cmake final.numpy pkgs.makeWrapper"), scan(CXX)) == ()


def test_unknown_and_misspelt_inputs() -> None:
    found = check(inputs("pkgs.opensls pkgs.header-only"), scan(CXX))
    assert [(f.rule, f.level, f.suggestion) for f in found] == [
        (Rule.MISSPELT_INPUT, Level.WARNING, "pkgs.openssl"),
        (Rule.UNKNOWN_INPUT, Level.NOTE, ""),
    ]


def test_arguments_may_be_python_packages() -> None:
    source = (
        "{ buildPythonPackage, header-only }:"
        ' buildPythonPackage { pname = "demo"; buildInputs = [ header-only ]; }'
    )
    assert check(source, scan(BUNDLED)) == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("builtInputs", "buildInputs"),
        ("buildinputs", "buildInputs"),
        ("nativeBuildInput", "nativeBuildInputs"),
        ("autoPatchElfIgnoreMissingDeps", "autoPatchelfIgnoreMissingDeps"),
        ("propogatedBuildInputs", "propagatedBuildInputs"),
    ],
)
def test_misspelt_attributes(written: str, meant: str) -> None:
    finding = one(check(override(f"{written} = [ ];"), scan(CXX)))
    assert (finding.rule, finding.subject, finding.suggestion) == (Rule.MISSPELT_ATTRIBUTE, written, meant)
    assert finding.place is not None
    assert finding.place.line == 3


def test_other_attributes_are_not_misspelt() -> None:
    names = (
        "preFixup postFixup NIX_CFLAGS_COMPILE CUDA_HOME passthru env dontStrip autoPatchelfFlags myOwn src"
    )
    assert check(override(" ".join(f"{n} = 1;" for n in names.split())), scan(CXX)) == ()


@pytest.mark.parametrize("everything", ["true", '[ "*" ]'])
def test_ignoring_everything_becomes_the_exact_list(everything: str) -> None:
    finding = one(check(ignoring(everything), scan(CXX, CUDA, BLAS, NOBODY)))
    assert (finding.rule, finding.level) == (Rule.IGNORES_ALL, Level.WARNING)
    assert finding.suggestion == (
        'autoPatchelfIgnoreMissingDeps = [ "libcublas.so.12" "libcuda.so.1" "libgone.so.3" ];'
    )
    assert "nothing has to be ignored" in one(check(ignoring(everything), scan(CXX))).suggestion


def test_ignoring_everything_hides_no_missing_input() -> None:
    assert [f.rule for f in check(ignoring("true"), scan(TBB))] == [Rule.MISSING_INPUT, Rule.IGNORES_ALL]


def test_driver_has_to_be_ignored() -> None:
    finding = one(check(inputs("pkgs.onetbb"), scan(TBB, CUDA)))
    assert (finding.rule, finding.level) == (Rule.MISSING_IGNORE, Level.ERROR)
    assert finding.suggestion == 'autoPatchelfIgnoreMissingDeps = [ "libcuda.so.1" ];'


def test_ignored_though_nixpkgs_has_it() -> None:
    finding = one(check(ignoring('[ "libtbb.so.12" ]'), scan(TBB)))
    assert (finding.rule, finding.suggestion) == (Rule.IGNORED_PROVIDED, "pkgs.onetbb in buildInputs")


@pytest.mark.parametrize(
    ("soname", "message"),
    [
        ("libz.so.1", "the wheel brings it itself"),
        ("libstdc++.so.6", "an input has it"),
        ("libother.so.1", "no scanned wheel of this package wants it"),
        ("libmagic.so.1", "opened by name at run time only"),
    ],
)
def test_ignored_for_nothing(soname: str, message: str) -> None:
    finding = one(check(ignoring(f'[ "{soname}" ]'), scan(BUNDLED, CXX, opened=["libmagic.so.1"])))
    assert (finding.rule, finding.subject) == (Rule.IGNORED_UNWANTED, soname)
    assert message in finding.message


def test_misspelt_soname() -> None:
    wanted = scan(need("libpmix.so.2", NeedClass.UNKNOWN))
    found = check(
        ignoring('[ "libpmix.so2" ]'), wanted, similar={"libpmix.so2": ("libpmix.so.2", "libpmi.so.2")}
    )
    assert [(f.rule, f.suggestion) for f in found] == [
        (Rule.UNANSWERED, ""),
        (Rule.MISSPELT_SONAME, '"libpmix.so.2"'),
    ]


def test_what_a_wheel_wants_is_meant_first() -> None:
    wanted = scan(need("libpmix.so.2", NeedClass.PROVIDED, "onetbb"))
    similar = {"libpmi.so.2": ("libpmi2.so.2", "libpmix.so.2")}
    body = (
        'buildInputs = old.buildInputs ++ [ pkgs.onetbb ]; autoPatchelfIgnoreMissingDeps = [ "libpmi.so.2" ];'
    )
    found = check(override(body), wanted, similar=similar)
    assert one(found).suggestion == '"libpmix.so.2"'


def test_needs_of_other_machines_do_not_count() -> None:
    other = replace(TBB, machine="aarch64")
    assert check("final: prev: { }", scan(other)) == ()
    assert one(check(inputs("pkgs.onetbb"), scan(other))).rule is Rule.UNNEEDED_INPUT


def test_patterns() -> None:
    finding = one(check(ignoring('[ "libcu*" ]'), scan(CUDA, BLAS)))
    assert (finding.rule, finding.suggestion) == (Rule.IGNORED_PATTERN, '"libcublas.so.12" "libcuda.so.1"')
    assert one(check(ignoring('[ "libcu*" ]'), scan(CXX))).rule is Rule.IGNORED_UNWANTED


def test_what_is_suggested_to_be_pasted_is_quoted() -> None:
    strange = need('libcu${x}"[1].so', NeedClass.DRIVER)
    quoted = r'"libcu\${x}\"[[]1].so"'
    assert one(check(ignoring('[ "libcu*" ]'), scan(strange))).suggestion == quoted
    missing = one(check(inputs(""), scan(strange)))
    assert missing.suggestion == f"autoPatchelfIgnoreMissingDeps = [ {quoted} ];"
    near = check(ignoring('[ "libcu.so" ]'), scan(strange), similar={"libcu.so": (strange.soname,)})
    assert [f.suggestion for f in near if f.rule is Rule.MISSPELT_SONAME] == [quoted]
    override = one(check("final: prev: { }", scan(need("libx.so", NeedClass.PROVIDED, "xorg.3dlib"))))
    assert override.suggestion == 'buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.xorg."3dlib" ];'


def test_needs_without_answer() -> None:
    found = check(inputs(""), scan(NOBODY, EITHER))
    assert [(f.rule, f.subject, f.level, f.suggestion) for f in found] == [
        (Rule.UNANSWERED, "libgone.so.3", Level.ERROR, ""),
        (Rule.UNANSWERED, "libmpi.so.40", Level.ERROR, "pkgs.openmpi or pkgs.mpich"),
    ]
    assert check(ignoring('[ "libgone.so.3" ]'), scan(NOBODY)) == ()


def test_siblings_need_a_search_path() -> None:
    finding = one(check(override("x = 1;"), scan(BLAS)))
    assert finding.rule is Rule.SIBLING_UNREACHED
    assert "nvidia-cublas-cu12" in finding.message
    assert check(override('preFixup = "addAutoPatchelfSearchPath x";'), scan(BLAS)) == ()
    assert check(ignoring('[ "libcublas.so.12" ]'), scan(BLAS)) == ()


def test_packages_without_target_are_not_checked() -> None:
    source = (
        "final: prev: { a = prev.a.overrideAttrs { builtInputs = [ ]; };"
        " Demo = prev.Demo.overrideAttrs { }; }"
    )
    finding = one(check(source, scan(CXX)))
    assert (finding.rule, finding.level, finding.subject) == (Rule.NOT_CHECKED, Level.NOTE, "a")


def test_override_without_package_is_the_only_targets() -> None:
    source = "{ pkgs, ... }: old: { buildInputs = old.buildInputs ++ [ pkgs.onetbb ]; }"
    assert check(source, scan(TBB)) == ()
    found = check(source, scan(TBB), scan(CXX, name="other"))
    assert [f.rule for f in found] == [Rule.MISSING_OVERRIDE, Rule.NOT_CHECKED]


def test_overrides_of_one_package_add_up() -> None:
    first, second = inputs("pkgs.onetbb"), ignoring('[ "libcuda.so.1" ]')
    source = f"{{ pkgs, lib, ... }}: lib.composeManyExtensions [ ({first}) ({second}) ]"
    source = source.replace("{ pkgs, lib }: final", "final")
    assert check(source, scan(TBB, CUDA)) == ()


def test_wheels_of_one_package_add_up() -> None:
    assert check(inputs("pkgs.onetbb pkgs.openmpi"), scan(TBB), scan(EITHER)) == ()


def test_order_is_by_weight_then_place() -> None:
    source = override(
        "builtInputs = [ ];\nbuildInputs = old.buildInputs ++ [ pkgs.openssl pkgs.header-only ];"
    )
    found = check(source, scan(TBB))
    assert [f.level for f in found] == sorted((f.level for f in found), key=list(Level).index)
    assert [f.rule for f in found] == [
        Rule.MISSING_INPUT,
        Rule.MISSPELT_ATTRIBUTE,
        Rule.UNNEEDED_INPUT,
        Rule.UNKNOWN_INPUT,
    ]


def test_what_the_hook_knows_by_another_file_name_is_ignored_rightly() -> None:
    renamed = replace(
        scan(BUNDLED, CXX),
        missed=(Missed(soname="libz.so.1", reason=MissReason.FILE_NAME, file="libz-1.so"),),
    )
    assert check(ignoring('[ "libz.so.1" ]'), renamed) == ()


def show(word: str) -> str:
    return override(f'preFixup = "addAutoPatchelfSearchPath {word}";')


PLACED = need(
    "libcublas.so.12", NeedClass.SIBLING, distribution="nvidia-cublas-cu12", directory="nvidia/cublas/lib"
)


@pytest.mark.parametrize(
    ("word", "reaches"),
    [
        ("${final.nvidia-cublas-cu12}/${final.python.sitePackages}/nvidia/cublas/lib", True),
        ("${final.nvidia_cublas_cu12}/${final.python.sitePackages}/nvidia", True),
        ("${final.nvidia-cublas-cu12}/${final.python.sitePackages}/nvidia/cublas/lib/sub", False),
        ("${final.nvidia-cublas-cu11}/${final.python.sitePackages}/nvidia/cublas/lib", False),
        ("${final.nvidia-cublas-cu12}/lib", False),
        ("$somewhere", True),
    ],
)
def test_a_search_path_has_to_lead_where_the_library_is(word: str, reaches: bool) -> None:
    found = check(show(word), scan(PLACED))
    assert [f.rule for f in found] == ([] if reaches else [Rule.SIBLING_UNREACHED])


def test_a_directory_of_an_attribute_supplies_what_it_has() -> None:
    assert check(show("${pkgs.onetbb}/lib/intel64"), scan(TBB)) == ()


def test_a_file_that_adds_the_hook_is_for_a_set_that_adds_nothing() -> None:
    hooked = override(
        "nativeBuildInputs = old.nativeBuildInputs ++ [ pkgs.autoPatchelfHook ];"
        " buildInputs = old.buildInputs ++ [ pkgs.stdenv.cc.cc.lib ];"
    )
    assert check(hooked, scan(CXX)) == ()


def test_what_is_opened_at_run_time_is_not_known_to_be_unneeded() -> None:
    def listed(name: str, *attrs: str) -> str:
        directories = " ".join(f'"${{lib.getLib pkgs.{attr}}}/lib"' for attr in attrs)
        return override(f"{name} = [ {directories} ];")

    assert check(listed("appendRunpaths", "openssl"), scan(CXX)) == ()
    assert one(check(listed("appendRunpaths", "opensls"), scan(CXX))).rule is Rule.MISSPELT_INPUT
    assert check(override("runtimeDependencies = [ pkgs.openssl ];"), scan(CXX)) == ()


def test_mach_nix_lets_libraries_of_other_wheels_be_missing() -> None:
    source = "{ pkgs }: { _.demo.buildInputs.add = [ pkgs.onetbb ]; }"
    assert check(source, scan(TBB, BLAS)) == ()
    assert one(check(source, scan(TBB, EITHER))).rule is Rule.UNANSWERED


@pytest.mark.parametrize(
    ("package", "instead"),
    [
        ("hacks.nixpkgsPrebuilt { from = pkgs.python3Packages.demo; prev = prev.demo; }", Instead.PREBUILT),
        (
            "(hacks.importCargoLock { prev = prev.demo; }).overrideAttrs { buildInputs = [ pkgs.openssl ]; }",
            Instead.SOURCE,
        ),
    ],
)
def test_what_takes_the_place_of_a_wheel_needs_nothing_that_the_wheel_needs(
    package: str, instead: Instead
) -> None:
    source = f"{{ pkgs, hacks }}: final: prev: {{ demo = {package}; }}"
    finding = one(check(source, scan(TBB, CUDA, BLAS, NOBODY)))
    assert (finding.rule, finding.level, finding.instead) == (Rule.NOT_CHECKED, Level.NOTE, instead)


def shell(*attrs: str, more: str = "") -> str:
    libraries = " ".join(f"pkgs.{attr}" for attr in attrs)
    return f"{{ pkgs, lib }}: pkgs.mkShell {{ LD_LIBRARY_PATH = lib.makeLibraryPath [ {libraries} ]{more}; }}"


DRIVER = ' + ":/run/opengl-driver/lib"'


def test_a_shell_serves_all_wheels_at_once() -> None:
    wheels = (scan(TBB, CUDA, BLAS, NOBODY), scan(CXX, BUNDLED, name="other"))
    assert check(shell("onetbb", "stdenv.cc.cc.lib", more=DRIVER), *wheels) == ()
    found = check(shell("zlib", "opensls"), *wheels)
    assert [(f.rule, f.level, f.subject, f.package) for f in found] == [
        (Rule.MISSING_INPUT, Level.ERROR, "/run/opengl-driver/lib", None),
        (Rule.MISSING_INPUT, Level.ERROR, "onetbb", None),
        (Rule.MISSING_INPUT, Level.ERROR, "stdenv.cc.cc.lib", None),
        (Rule.MISSPELT_INPUT, Level.WARNING, "opensls", None),
        (Rule.UNNEEDED_INPUT, Level.NOTE, "zlib", None),
    ]
    assert "libcuda.so.1" in found[0].message


def test_a_package_with_an_override_is_not_the_shells() -> None:
    body = inputs("pkgs.onetbb").partition(":")[2]
    source = f"{{ pkgs, lib }}: {{ overlay = {body}; shell = ({shell('file')}) {{ inherit pkgs lib; }}; }}"
    wheels = (scan(TBB), scan(CXX, name="other", opened=["libmagic.so.1"]))
    assert [f.subject for f in check(source, *wheels)] == ["stdenv.cc.cc.lib"]
    assert check(source, wheels[0]) == ()


def test_files_of_no_package_are_the_shells() -> None:
    loose = replace(scan(TBB), name="")
    assert check(shell("onetbb"), loose) == ()
    assert one(check(shell(), loose)).subject == "onetbb"


def test_one_of_several_providers_is_asked_of_a_shell() -> None:
    assert one(check(shell(), scan(EITHER))).suggestion == "pkgs.openmpi or pkgs.mpich"
    assert check(shell("mpich"), scan(EITHER)) == ()
