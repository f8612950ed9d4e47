"""Unfree packages: what one can look up in nixpkgs."""

from __future__ import annotations

import re

import pytest

from tests.support.facts import open_table
from wheelfix.index.cuda import Unfree, find_cuda, find_nearest_cuda
from wheelfix.index.driver import find_driver
from wheelfix.index.lookup import find_providers
from wheelfix.index.siblings import find_distributions
from wheelfix.model.tables import load_table

TABLE = load_table(Unfree)
ROWS = {
    **{
        (one.version, attr): package.sonames.get(one.version, ())
        for one in TABLE.sets
        for attr, package in TABLE.cuda.items()
    },
    **{("", attr): package.sonames for attr, package in TABLE.other.items()},
}
"""Sonames by the version of the set, and the attribute."""
SONAMES = sorted({soname for sonames in ROWS.values() for soname in sonames})


def find_attrs(soname: str) -> list[str]:
    return [provider.attr for provider in find_cuda(soname)]


@pytest.mark.parametrize(
    ("soname", "attr", "output"),
    [
        ("libcublas.so.12", "cudaPackages.libcublas", "lib"),
        ("libcublasLt.so.12", "cudaPackages.libcublas", "lib"),
        ("libcudart.so.12", "cudaPackages.cuda_cudart", "out"),
        ("libcudnn.so.9", "cudaPackages.cudnn", "lib"),
        ("libcudnn_graph.so.9", "cudaPackages.cudnn", "lib"),
        ("libcudss.so.0", "cudaPackages.libcudss", "lib"),
        ("libcufft.so.11", "cudaPackages.libcufft", "lib"),
        ("libcufile.so.0", "cudaPackages.libcufile", "lib"),
        ("libcupti.so.12", "cudaPackages.cuda_cupti", "lib"),
        ("libcurand.so.10", "cudaPackages.libcurand", "lib"),
        ("libcusolver.so.11", "cudaPackages.libcusolver", "lib"),
        ("libcusparse.so.12", "cudaPackages.libcusparse", "lib"),
        ("libcusparseLt.so.0", "cudaPackages.libcusparse_lt", "lib"),
        ("libcustatevec.so.1", "cudaPackages.cuquantum", "lib"),
        ("libcutensor.so.2", "cudaPackages.libcutensor", "lib"),
        ("libnccl.so.2", "cudaPackages.nccl", "out"),
        ("libnppig.so.12", "cudaPackages.libnpp", "lib"),
        ("libnvJitLink.so.12", "cudaPackages.libnvjitlink", "lib"),
        ("libnvfatbin.so.12", "cudaPackages.libnvfatbin", "out"),
        ("libnvinfer.so.10", "cudaPackages.tensorrt", "lib"),
        ("libnvjpeg.so.12", "cudaPackages.libnvjpeg", "lib"),
        ("libnvrtc.so.12", "cudaPackages.cuda_nvrtc", "lib"),
        ("libnvshmem_host.so.3", "cudaPackages.libnvshmem", "out"),
        ("libmkl_rt.so.2", "mkl", "out"),
        ("libclntsh.so.21.1", "oracle-instantclient", "lib"),
    ],
)
def test_the_first_provider(soname: str, attr: str, output: str) -> None:
    first = find_cuda(soname)[0]
    assert (first.attr, first.output, first.path) == (attr, output, f"/lib/{soname}")
    assert first.score == 100
    assert first.store_path is None


@pytest.mark.parametrize(
    ("soname", "attrs"),
    [
        ("libcublas.so.11", ["cudaPackages_11.libcublas"]),
        ("libcublas.so.13", ["cudaPackages_13.libcublas"]),
        ("libcudart.so.11.0", ["cudaPackages_11.cuda_cudart"]),
        ("libcudart.so.13", ["cudaPackages_13.cuda_cudart"]),
        ("libcufft.so.10", ["cudaPackages_11.libcufft"]),
        ("libcufft.so.12", ["cudaPackages_13.libcufft"]),
        ("libcusolver.so.11", ["cudaPackages.libcusolver", "cudaPackages_11.libcusolver"]),
        ("libcusolver.so.12", ["cudaPackages_13.libcusolver"]),
        ("libcusparse.so.11", ["cudaPackages_11.libcusparse"]),
        ("libcusparse.so.12", ["cudaPackages.libcusparse", "cudaPackages_13.libcusparse"]),
        ("libnccl.so.2", ["cudaPackages.nccl", "cudaPackages_13.nccl", "cudaPackages_11.nccl"]),
        ("libnvToolsExt.so.1", ["cudaPackages_12_8.cuda_nvtx", "cudaPackages_11.cuda_nvtx"]),
        ("libcublas.so.14", []),
        ("libcudart.so.11", []),
        ("libmkl_rt.so.3", []),
    ],
)
def test_majors_do_not_mix(soname: str, attrs: list[str]) -> None:
    assert find_attrs(soname) == attrs


def test_the_other_majors_are_named() -> None:
    assert find_nearest_cuda("libcublas.so.11") == ("libcublas.so.12", "libcublas.so.13")
    assert find_nearest_cuda("libnothing.so.1") == ()


@pytest.mark.parametrize("soname", SONAMES)
def test_nixpkgs_has_what_is_answered(soname: str) -> None:
    """Attributes and outputs are those of the nixpkgs whose data is shipped."""
    table = open_table()
    (lookup,) = find_providers(table, [soname])
    for provider in lookup.providers:
        said = table.attributes.find(provider.attr)
        assert said, provider.attr
        assert said.usable
        assert provider.output in said.outputs
        assert provider.version == said.version
    for gone in lookup.gone:
        assert gone.attr.startswith("cudaPackages_11.")


def test_cuda_11_is_no_answer_and_the_majors_that_are_there_are_named() -> None:
    (lookup,) = find_providers(open_table(), ["libcublas.so.11"])
    assert (lookup.providers, lookup.nearest) == ((), ("libcublas.so.12", "libcublas.so.13"))
    assert [one.attr for one in lookup.gone] == ["cudaPackages_11.libcublas"]


@pytest.mark.parametrize(
    ("soname", "near"), [("libcurand.so.9", "libcurand.so.10"), ("libnvinfer.so.8", "libnvinfer.so.10")]
)
def test_majors_are_named_beside_one_that_no_set_ever_had(soname: str, near: str) -> None:
    (lookup,) = find_providers(open_table(), [soname])
    assert (lookup.providers, lookup.gone, lookup.nearest) == ((), (), (near,))


def test_scores_keep_the_order() -> None:
    for soname in SONAMES:
        scores = [provider.score for provider in find_cuda(soname)]
        assert scores == sorted(set(scores), reverse=True)


def test_attributes_are_well_formed() -> None:
    for soname in SONAMES:
        for provider in find_cuda(soname):
            assert re.fullmatch(r"(cudaPackages(_1[123](_8)?)?\.)?[a-z][a-z0-9_-]*", provider.attr)
            assert provider.output in {"lib", "out"}
            assert provider.path.startswith("/")
            assert provider.path.endswith(f"/{soname}")


def test_nothing_of_the_driver_is_in_it() -> None:
    assert [soname for soname in SONAMES if find_driver(soname)] == []


NOT_IN_WHEELS = {
    *("libcudss", "libcudss_commlayer_nccl", "libcudss_commlayer_openmpi", "libcudss_mtlayer_gomp"),
    *("libcufile", "libcufile_rdma", "libcutensor", "libcutensorMg", "libnvcomp", "libnvcomp_cpu", "libnvvm"),
}
"""Stems whose major in nixpkgs is another than in the newest wheels (or that CUDA 11 wheels lack)."""


@pytest.mark.parametrize("major", ["11", "12", "13"])
def test_nvidias_wheels_have_the_same_sonames(major: str) -> None:
    for (version, attr), sonames in ROWS.items():
        for soname in sonames if version == major else ():
            if attr == "tensorrt" or soname.partition(".")[0] in NOT_IN_WHEELS:
                continue
            distributions = {carrier.distribution for carrier in find_distributions(soname)}
            suffixes = {re.sub(r".*-cu(\d+)$", r"\1", d) if "-cu1" in d else "13" for d in distributions}
            assert major in suffixes, (attr, soname)


@pytest.mark.parametrize(
    ("name", "attr"),
    [
        ("libnvinfer.so", "cudaPackages.tensorrt"),
        ("libclntsh.so", "oracle-instantclient"),
        ("libmkl_rt.so", "mkl"),
        ("libcublas.so", "cudaPackages.libcublas"),
    ],
)
def test_a_name_without_a_version_is_the_link_that_the_package_has(name: str, attr: str) -> None:
    first = find_cuda(name)[0]

    assert (first.attr, first.path.rpartition("/")[2]) == (attr, name)
