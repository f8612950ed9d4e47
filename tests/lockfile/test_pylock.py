"""``pylock.toml``: what the library that validates it does not know yet."""

from __future__ import annotations

import pytest

from wheelfix.lockfile.pylock import parse_pylock
from wheelfix.model.base import Misfit


def test_wheel_variants_are_read_under_their_own_names() -> None:
    stem = "demo-1.0-cp312-cp312-manylinux_2_28_x86_64"
    wheels = [
        {"url": f"https://e.invalid/{stem}-cu129.whl", "hashes": {"sha256": "a" * 64}},
        {"path": f"wheels/{stem}-null.whl", "hashes": {"sha256": "b" * 64}},
        {"url": f"https://e.invalid/{stem}.whl", "hashes": {"sha256": "c" * 64}},
    ]
    index = {"url": "https://e.invalid/demo-1.0-variants.json", "hashes": {"sha256": "d" * 64}}
    package = {"name": "demo", "version": "1.0", "variants-json": index, "wheels": wheels}
    document = {"lock-version": "1.0", "created-by": "test", "packages": [package]}
    (found,) = parse_pylock("pylock.toml", document).packages
    assert [w.filename for w in found.wheels] == [f"{stem}-cu129.whl", f"{stem}-null.whl", f"{stem}.whl"]


@pytest.mark.parametrize(
    "packages", [3, [3], [{"name": "demo", "wheels": 3}], [{"name": "demo", "wheels": [3]}]]
)
def test_what_is_no_package_or_wheel_is_refused(packages: object) -> None:
    with pytest.raises(Misfit):
        parse_pylock("pylock.toml", {"lock-version": "1.0", "created-by": "test", "packages": packages})
