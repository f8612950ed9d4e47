"""Names and metadata of wheel variants (PEP 825)."""

from __future__ import annotations

import json

import pytest

from wheelfix.lockfile.markers import make_runtime, rank_as_nix, rank_as_pip
from wheelfix.model.lock import LockedFile
from wheelfix.patch.labels import plan_label
from wheelfix.wheel.metadata import parse_filename, parse_variants, split_label

STEM = "torch-2.10.0-cp312-cp312-manylinux_2_28_x86_64"


@pytest.mark.parametrize(
    ("filename", "label"),
    [
        (f"{STEM}.whl", ""),
        (f"{STEM}-cu129.whl", "cu129"),
        (f"{STEM}-x86_64_v3.whl", "x86_64_v3"),
        (f"{STEM}-null.whl", "null"),
        ("torch-2.10.0-1nix-cp312-cp312-linux_x86_64.whl", ""),
        ("torch-2.10.0-1nix-cp312-cp312-linux_x86_64-cu129.whl", "cu129"),
        (f"{STEM}-CU129.whl", ""),
        (f"{STEM}-{'x' * 17}.whl", ""),
        ("torch-cu129.whl", ""),
        ("torch.tar.gz", ""),
    ],
)
def test_the_label_is_the_last_part_of_the_name(filename: str, label: str) -> None:
    plain, found = split_label(filename)
    assert found == label
    assert plain == (filename.replace(f"-{label}.whl", ".whl") if label else filename)


def test_a_variant_has_the_name_version_and_tags_of_the_wheel() -> None:
    assert parse_filename(f"{STEM}-cu129.whl") == parse_filename(f"{STEM}.whl") is not None
    assert parse_filename(f"{STEM}-CU129.whl") is None


def test_properties_are_read_and_what_breaks_the_format_is_left_out() -> None:
    features = {
        "cuda_version_lower_bound": ["12.8"],
        "sm_arch": ["70_real", 7, "a b"],
        "Bad": ["1"],
        "x": "1",
    }
    variants = {"cu129": {"nvidia": features, "No": {"a": ["1"]}}, "LABEL": {"nvidia": {}}}
    assert parse_variants(json.dumps({"variants": variants}).encode()) == {
        "cu129": {"nvidia": {"cuda_version_lower_bound": ("12.8",), "sm_arch": ("70_real",)}}
    }
    assert parse_variants(b" " * (1 << 20) + json.dumps({"variants": variants}).encode()) == {}


def test_a_wheel_that_is_no_variant_goes_before_variants() -> None:
    runtime = make_runtime("3.12", "x86_64-linux", ["manylinux_2_28_x86_64"])
    names = [f"{STEM}-cu129.whl", f"{STEM}-null.whl", "torch-2.10.0-py3-none-any.whl", f"{STEM}.whl"]
    files = [LockedFile(filename=name, sha256=None) for name in names]
    for rank in (rank_as_pip, rank_as_nix):
        found = [file.filename for file in rank(files, runtime)]
        assert set(found[:2]) == set(names[2:])
        assert found[2:] == names[:2]


def test_a_variant_takes_a_build_tag() -> None:
    assert plan_label(f"{STEM}-cu129.whl", "torch-2.10.0.dist-info", "2.10.0", "1nix").filename == (
        "torch-2.10.0-1nix-cp312-cp312-manylinux_2_28_x86_64-cu129.whl"
    )
