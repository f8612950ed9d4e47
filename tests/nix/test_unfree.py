"""Which licenses nixpkgs refuses without a permission."""

from __future__ import annotations

import pytest

from wheelfix.nix.licenses import is_unfree


@pytest.mark.parametrize(
    ("spdx", "unfree"),
    [
        ("MIT", False),
        ("", False),
        ("LicenseRef-Proprietary", True),
        ("MIT AND LicenseRef-Proprietary", True),
        ("MIT OR LicenseRef-Proprietary", False),
        ("LicenseRef-Proprietary OR LicenseRef-Other", True),
        ("NoSuchLicense", False),
    ],
)
def test_which_licenses_need_a_permission(spdx: str, unfree: bool) -> None:
    assert is_unfree(spdx) is unfree
