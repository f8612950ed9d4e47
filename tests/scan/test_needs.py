from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from tests.support.objects import elf, facts, wheel
from wheelfix.model.at_hand import AtHand
from wheelfix.model.base import replace
from wheelfix.model.classes import NeedClass
from wheelfix.model.elf import ElfObject, VersionNeed
from wheelfix.model.scan import Carrier, Known, Need
from wheelfix.model.wheel import Distribution
from wheelfix.scan.decide import decide as decide_cases
from wheelfix.scan.needs import find_cases, find_wants
from wheelfix.scan.sentences import say_cause


def decide(
    objects: Sequence[ElfObject],
    known: Sequence[Known],
    *,
    dist: Distribution | None = None,
    fillers: Mapping[str, Sequence[str]] | None = None,
    prefer: Sequence[str] = (),
    at_hand: AtHand | None = None,
) -> dict[str, Need]:
    table = {(f.soname, f.machine): f for f in known}
    for want in (wants := find_wants(objects)):
        table.setdefault((want.soname, want.machine), facts(want.soname, machine=want.machine))
    cases = find_cases(dist or wheel(), wants, table, fillers or {}, prefer=prefer, at_hand=at_hand)
    return {trace.need.soname: trace.need for trace in decide_cases(cases)}


def only(needs: Mapping[str, Need]) -> Need:
    (need,) = needs.values()
    return need


def test_bundled_comes_before_everything() -> None:
    objects = [elf("a/x.so", needed=["libcuda.so.1"], runpath=["$ORIGIN"]), elf("a/libcuda.so.1")]
    need = only(decide(objects, [facts("libcuda.so.1", driver="yes", attrs=["zluda"])]))
    assert need.need_class is NeedClass.BUNDLED
    assert "$ORIGIN" in say_cause(need.cause)


@pytest.mark.parametrize(
    ("known", "kind"),
    [
        (facts("s", libc="glibc", attrs=["glibc"]), NeedClass.LIBC),
        (facts("s", driver="GPU driver", attrs=["zluda"]), NeedClass.DRIVER),
        (facts("s", attrs=["a", "b"]), NeedClass.PROVIDED),
        (facts("s", attrs=["a", "b"], rivals=["a", "b"]), NeedClass.AMBIGUOUS),
        (facts("s", nearest=["s.8"]), NeedClass.UNKNOWN),
    ],
)
def test_classes(known: Known, kind: NeedClass) -> None:
    assert only(decide([elf("x.so", needed=["s"])], [known])).need_class is kind


def test_unknown_names_the_nearest_majors() -> None:
    need = only(decide([elf("x.so", needed=["s"])], [facts("s", nearest=["libffi.so.8"])]))
    assert "libffi.so.8" in say_cause(need.cause)


@pytest.mark.parametrize("soname", ["libpython3.12.so.1.0", "libpython3.so", "libpython3.13t.so.1.0"])
def test_the_interpreters_library(soname: str) -> None:
    assert only(decide([elf("x.so", needed=[soname])], [])).need_class is NeedClass.PYTHON


def test_preference_settles_an_ambiguity() -> None:
    known = facts("s", attrs=["a", "b"], rivals=["a", "b"])
    need = only(decide([elf("x.so", needed=["s"])], [known], prefer=["b"]))
    assert need.need_class is NeedClass.PROVIDED
    assert [p.attr for p in need.providers] == ["b", "a"]


def test_a_preference_nobody_offers_changes_nothing() -> None:
    known = facts("s", attrs=["a", "b"], rivals=["a", "b"])
    assert only(decide([elf("x.so", needed=["s"])], [known], prefer=["c"])).need_class is NeedClass.AMBIGUOUS


def test_a_path_in_needed_is_said_to_be_one() -> None:
    need = only(decide([elf("x.so", needed=["/usr/lib/libx.so"])], []))
    assert need.need_class is NeedClass.UNKNOWN
    assert "path" in say_cause(need.cause)


def test_machines_are_kept_apart() -> None:
    objects = [elf("x.so", needed=["s"]), elf("y.so", needed=["s"], machine="aarch64")]
    wants = find_wants(objects)
    assert [(w.soname, w.machine, w.wanted_by) for w in wants] == [
        ("s", "aarch64", ("y.so",)),
        ("s", "x86_64", ("x.so",)),
    ]


def test_symbol_versions_are_collected_per_need() -> None:
    objects = [
        elf("x.so", needed=["s"], versions=[VersionNeed(soname="s", versions=("V_2",))]),
        elf("y.so", needed=["s"], versions=[VersionNeed(soname="s", versions=("V_1", "V_2"))]),
    ]
    assert only(decide(objects, [])).versions == ("V_1", "V_2")


def test_providers_of_the_wheels_own_cuda_come_first() -> None:
    known = [
        facts("libnccl.so.2", attrs=["cudaPackages.nccl", "cudaPackages_13.nccl", "cudaPackages_11.nccl"]),
        facts("libcublas.so.13", attrs=["cudaPackages_13.libcublas"]),
    ]
    needs = decide([elf("x.so", needed=["libnccl.so.2", "libcublas.so.13"])], known)
    assert needs["libnccl.so.2"].providers[0].attr == "cudaPackages_13.nccl"
    alone = decide([elf("x.so", needed=["libnccl.so.2"])], known[:1])
    assert alone["libnccl.so.2"].providers[0].attr == "cudaPackages.nccl"


class TestSiblings:
    cublas = facts(
        "libcublas.so.12",
        attrs=["cudaPackages.libcublas"],
        carriers=[("nvidia-cublas-cu12", "nvidia/cublas/lib"), ("nvidia-cublas", "nvidia/cublas/lib")],
    )

    def test_run_path_names_the_place_and_metadata_the_distribution(self) -> None:
        user = elf("torch/lib/x.so", needed=["libcublas.so.12"], rpath=["$ORIGIN/../../nvidia/cublas/lib"])
        need = only(decide([user], [self.cublas], dist=wheel("torch", requires=["nvidia-cublas-cu12"])))
        assert (need.need_class, need.distribution) == (NeedClass.SIBLING, "nvidia-cublas-cu12")
        assert "$ORIGIN/../../nvidia/cublas/lib" in say_cause(need.cause)

    def test_run_path_alone_is_enough(self) -> None:
        pdf = facts("libQt6Pdf.so.6", attrs=["qt6.qtwebengine"], carriers=[("pyside6-pdf", "PySide6/Qt/lib")])
        user = elf("PySide6/Qt/plugins/p.so", needed=["libQt6Pdf.so.6"], runpath=["$ORIGIN/../lib"])
        assert only(decide([user], [pdf], dist=wheel("pyside6-essentials"))).distribution == "pyside6-pdf"

    def test_requirement_alone_is_enough(self) -> None:
        z3 = facts("libz3.so.5.3", attrs=["z3"], carriers=[("z3-solver", "z3/lib")])
        need = only(
            decide([elf("a/x.so", needed=["libz3.so.5.3"])], [z3], dist=wheel(requires=["z3-solver"]))
        )
        assert (need.need_class, need.distribution) == (NeedClass.SIBLING, "z3-solver")

    def test_without_evidence_nixpkgs_is_the_answer(self) -> None:
        need = only(decide([elf("a/x.so", needed=["libcublas.so.12"])], [self.cublas]))
        assert need.need_class is NeedClass.PROVIDED

    def test_the_toolkit_stands_for_its_extras(self) -> None:
        known = facts(
            "libcublas.so.13",
            carriers=[("nvidia-cublas", "nvidia/cu13/lib"), ("nvidia-cublas-cu13", "nvidia/cublas/lib")],
        )
        dist = wheel("torch", requires=["cuda-toolkit"], extras=["cublas", "cudart"])
        assert (
            only(decide([elf("x.so", needed=["libcublas.so.13"])], [known], dist=dist)).distribution
            == "nvidia-cublas"
        )

    def test_the_toolkits_cudart_is_nvidia_cuda_runtime(self) -> None:
        known = facts("libcudart.so.13", carriers=[("nvidia-cuda-runtime", "nvidia/cu13/lib")])
        dist = wheel("torch", requires=["cuda-toolkit"], extras=["cudart"])
        assert only(decide([elf("x.so", needed=["libcudart.so.13"])], [known], dist=dist)).distribution == (
            "nvidia-cuda-runtime"
        )

    def test_torch_extension_without_metadata(self) -> None:
        known = facts("libc10.so", attrs=["libtorch-bin"])
        assert only(decide([elf("x.so", needed=["libc10.so"])], [known])).distribution == "torch"

    def test_gcc_runtime_of_a_required_wheel_is_not_relied_on(self) -> None:
        known = facts("libgomp.so.1", attrs=["stdenv.cc.cc.lib"], carriers=[("torch", "torch/lib")])
        need = only(decide([elf("x.so", needed=["libgomp.so.1"])], [known], dist=wheel(requires=["torch"])))
        assert need.need_class is NeedClass.PROVIDED

    def test_a_library_no_table_knows_in_a_place_a_required_distribution_fills(self) -> None:
        user = elf("ext/x.so", needed=["libnew.so.1"], runpath=["$ORIGIN/../base_lib/lib"])
        need = only(decide([user], [], dist=wheel(requires=["base-lib"])))
        assert (need.need_class, need.distribution) == (NeedClass.SIBLING, "base-lib")

    @pytest.mark.parametrize("name", ["libtsid", "tsid"])
    def test_a_library_named_like_a_required_distribution(self, name: str) -> None:
        # tsid: libtsid.so of the wheel libtsid, beside the other libraries of cmeel, not nixpkgs' tsid.
        user = elf("cmeel.prefix/lib/python3.12/x.so", needed=["libtsid.so"], rpath=["$ORIGIN/.."])
        fillers = {"cmeel.prefix/lib": ["cmeel-boost"]}
        known = facts("libtsid.so", attrs=["tsid"])
        need = only(decide([user], [known], dist=wheel("demo", requires=[name]), fillers=fillers))
        assert (need.need_class, need.distribution) == (NeedClass.SIBLING, name)
        alone = only(decide([user], [known], dist=wheel("demo", requires=[name])))
        assert alone.need_class is NeedClass.PROVIDED

    def test_what_only_wheels_carry_is_theirs_without_metadata(self) -> None:
        # scann and tensorflow-io-gcs-filesystem require tensorflow for an extra only.
        known = facts("libtensorflow_framework.so.2", carriers=[("tensorflow", "tensorflow")])
        need = only(decide([elf("x.so", needed=["libtensorflow_framework.so.2"])], [known]))
        assert (need.need_class, need.distribution) == (NeedClass.SIBLING, "tensorflow")
        assert "the metadata does not name" in say_cause(need.cause)

    @pytest.mark.parametrize(
        ("soname", "distribution", "kind"),
        [
            ("libboost_python312.so.1.66.0", "cmeel-boost", NeedClass.UNKNOWN),
            ("libopenvino.so.2641", "openvino", NeedClass.SIBLING),
        ],
    )
    def test_a_pattern_claims_namesakes_only(self, soname: str, distribution: str, kind: NeedClass) -> None:
        carrier = Carrier(distribution=distribution, directory="x/lib", exact=False)
        known = replace(facts(soname), carriers=(carrier,))
        assert only(decide([elf("x.so", needed=[soname])], [known])).need_class is kind

    def test_a_wheel_in_the_carriers_place_is_another_edition(self) -> None:
        # PyQt5 5.12 brings Qt itself, in PyQt5/Qt; what it leaves out is not pyqt5-qt5's, which is Qt 5.15.
        carriers = [("pyqt5-qt5", "PyQt5/Qt5/lib"), ("pyside2", "PySide2/Qt/lib")]
        known = facts("libQt5WebView.so.5", carriers=carriers)
        dist = wheel("pyqt5", files=["PyQt5/Qt/lib/libQt5Core.so.5"])
        need = only(decide([elf("PyQt5/Qt/plugins/x.so", needed=[known.soname])], [known], dist=dist))
        assert need.need_class is NeedClass.UNKNOWN

    def test_what_nixpkgs_has_is_no_wheels_without_metadata(self) -> None:
        known = facts("libtbb.so.12", attrs=["onetbb"], carriers=[("tbb", "../..")])
        assert only(decide([elf("x.so", needed=["libtbb.so.12"])], [known])).need_class is NeedClass.PROVIDED

    def test_the_wheel_is_no_sibling_of_itself(self) -> None:
        known = facts("libc10.so", carriers=[("torch", "torch/lib")])
        user = elf("torch/x.so", needed=["libc10.so"], runpath=["$ORIGIN/lib"])
        assert only(decide([user], [known], dist=wheel("torch"))).need_class is NeedClass.UNKNOWN


def test_the_rest_of_a_bundled_family_does_not_come_from_nixpkgs() -> None:
    qt = VersionNeed(soname="libQt6Core.so.6", versions=("Qt_6",))
    kms = VersionNeed(soname="libQt6Kms.so.6", versions=("Qt_6",))
    objects = [
        elf("q/x.so", needed=["libQt6Core.so.6", "libQt6Kms.so.6"], runpath=["$ORIGIN"], versions=[qt, kms]),
        elf("q/libQt6Core.so.6"),
    ]
    need = decide(objects, [facts("libQt6Kms.so.6", attrs=["qt6.qtbase"])])["libQt6Kms.so.6"]
    assert need.need_class is NeedClass.UNKNOWN
    assert "Qt_6" in say_cause(need.cause)


def test_what_plugins_alone_want_is_optional() -> None:
    objects = [
        elf("q/plugins/sqldrivers/libmimer.so", needed=["libmimerapi.so", "libz.so.1"]),
        elf("q/plugins/libshared.so", needed=["libshared.so.1"], soname="libshared.so"),
        elf("q/x.so", needed=["libz.so.1", "libshared.so"]),
    ]
    needs = decide(objects, [])
    assert {s for s, n in needs.items() if n.optional} == {"libmimerapi.so"}


@pytest.mark.parametrize(
    ("carriers", "brought_by"),
    [
        ([("tensorflow", "tensorflow"), ("tensorflow-cpu", "tensorflow")], "tensorflow"),
        ([("nvidia-x-cu11", "nvidia/x/lib"), ("nvidia-x-cu12", "nvidia/cu12/lib")], "nvidia-x-cu12"),
        ([("pyqt6-qt6", "PyQt6/Qt6/lib"), ("pyside6-essentials", "PySide6/Qt/lib")], None),
    ],
)
def test_only_editions_of_one_distribution_are_taken_unnamed(
    carriers: Sequence[tuple[str, str]], brought_by: str | None
) -> None:
    need = only(decide([elf("a/x.so", needed=["libx.so.2"])], [facts("libx.so.2", carriers=carriers)]))
    assert need.distribution == brought_by


def test_plugins_of_qt_need_no_version_to_be_of_the_family() -> None:
    objects = [
        elf("q/x.so", needed=["libQt6Core.so.6", "libQt63DQuick.so.6"], runpath=["$ORIGIN"]),
        elf("q/libQt6Core.so.6"),
    ]
    need = decide(objects, [facts("libQt63DQuick.so.6", attrs=["qt6.qt3d"])])["libQt63DQuick.so.6"]
    assert need.need_class is NeedClass.UNKNOWN
    assert "the wheel bundles the rest of that family (libQt6)" in say_cause(need.cause)


def test_a_family_that_other_wheels_bring_does_not_come_from_nixpkgs_either() -> None:
    known = [
        facts("libQt6Core.so.6", carriers=[("pyside6-essentials", "PySide6/Qt/lib")]),
        facts("libQt6Kms.so.6", attrs=["qt6.qtbase"]),
    ]
    objects = [elf("p/x.so", needed=["libQt6Core.so.6", "libQt6Kms.so.6"])]
    needs = decide(objects, known, dist=wheel(requires=["pyside6-essentials"]))
    assert needs["libQt6Core.so.6"].need_class is NeedClass.SIBLING
    assert needs["libQt6Kms.so.6"].need_class is NeedClass.UNKNOWN
    assert "other wheels bring the rest" in say_cause(needs["libQt6Kms.so.6"].cause)


def test_the_directory_of_a_driver_is_found_in_run_paths_and_names() -> None:
    (want,) = find_wants([elf("a.so", needed=["libx.so"], rpath=["$ORIGIN", "/usr/lib/wsl/lib"])])
    assert want.driver_directory == "/usr/lib/wsl/lib"
    (want,) = find_wants([elf("a.so", needed=["/run/opengl-driver/lib/libx.so"])])
    assert want.driver_directory == "/run/opengl-driver/lib"
    (want,) = find_wants([elf("a.so", needed=["libx.so"], rpath=["/usr/lib"])])
    assert want.driver_directory == ""
