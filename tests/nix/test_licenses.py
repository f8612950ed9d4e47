"""Licenses as nixpkgs' maintainers write them."""

from __future__ import annotations

import pytest

from wheelfix.model.tables import load_table
from wheelfix.nix.licenses import LicenseNames, write_license
from wheelfix.nix.printer import print_flat
from wheelfix.nix.quote import is_identifier
from wheelfix.wheel.metadata import canonicalize_license


@pytest.mark.parametrize(
    ("spdx", "code", "remark"),
    [
        ("MIT", "lib.licenses.mit", ""),
        ("PSF-2.0", "lib.licenses.psfl", ""),
        ("BSD-3-Clause AND MIT", "[ lib.licenses.bsd3 lib.licenses.mit ]", ""),
        ("MIT AND MIT", "lib.licenses.mit", ""),
        ("Apache-2.0 OR MIT", "[ lib.licenses.asl20 lib.licenses.mit ]", "Apache-2.0 OR MIT"),
        (
            "Apache-2.0 WITH LLVM-exception",
            "[ lib.licenses.asl20 lib.licenses.llvm-exception ]",
            "Apache-2.0 WITH LLVM-exception",
        ),
        ("GPL-3.0", "lib.licenses.gpl3Only", ""),
        ("GPL-2.0+", "lib.licenses.gpl2Plus", ""),
        ("EUPL-1.1+", "lib.licenses.eupl11", ""),
        ("LicenseRef-Proprietary", "lib.licenses.unfree", ""),
        (
            "LicenseRef-Public-Domain",
            "lib.licenses.publicDomain",
            "in the metadata's words: LicenseRef-Public-Domain",
        ),
        ("LicenseRef-NVIDIA", "lib.licenses.unfree", "in the metadata's words: LicenseRef-NVIDIA"),
        (
            "LGPL-3.0-only OR LicenseRef-Qt-Commercial",
            "lib.licenses.lgpl3Only",
            "LGPL-3.0-only OR LicenseRef-Qt-Commercial",
        ),
        (
            "MIT AND LicenseRef-Firmware",
            "[ lib.licenses.mit lib.licenses.unfree ]",
            "in the metadata's words: LicenseRef-Firmware",
        ),
        (
            "MIT AND (BSD-2-Clause OR GPL-2.0+)",
            "[ lib.licenses.mit lib.licenses.bsd2 lib.licenses.gpl2Plus ]",
            "MIT AND (BSD-2-Clause OR GPL-2.0+)",
        ),
        ("MIT AND CNRI-Jython", "lib.licenses.mit", "of MIT AND CNRI-Jython, nixpkgs has no CNRI-Jython"),
    ],
)
def test_licenses(spdx: str, code: str, remark: str) -> None:
    written = write_license(spdx)
    assert written.value is not None
    assert (print_flat(written.value), written.remark) == (code, remark)


@pytest.mark.parametrize("spdx", ["", "CNRI-Jython"])
def test_a_license_that_nixpkgs_has_not_is_no_code(spdx: str) -> None:
    written = write_license(spdx)
    assert written.value is None
    assert written.remark == (f"of {spdx}, nixpkgs has no {spdx}" if spdx else "")


def test_the_table_has_identifiers_and_names() -> None:
    known = load_table(LicenseNames).attributes
    assert all(map(is_identifier, known.values()))
    assert sum(bool(canonicalize_license(spdx)) for spdx in known) > 200
    assert "GPL-3.0" not in known, "deprecated"
