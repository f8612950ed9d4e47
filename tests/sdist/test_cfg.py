from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.sdist.features import is_for_linux


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        ("", True),
        ("cfg(unix)", True),
        ("cfg(windows)", False),
        ("cfg(not(windows))", True),
        ('cfg(target_os = "linux")', True),
        ('cfg(target_os = "macos")', False),
        ('cfg(any(target_os = "macos", target_os = "linux"))', True),
        ('cfg(all(unix, not(target_os = "macos")))', True),
        ('cfg(all(target_os = "linux", target_env = "msvc"))', False),
        ('cfg(target_arch = "wasm32")', True),
        ('cfg(all(windows, target_arch = "x86_64"))', False),
        ('cfg(not(any(target_family = "wasm", target_os = "windows")))', True),
        ('cfg(not(target_arch = "wasm32"))', True),
        ("cfg(any())", False),
        ("cfg(all())", True),
        ("cfg(tokio_unstable)", True),
        ("x86_64-unknown-linux-gnu", True),
        ("x86_64-pc-windows-msvc", False),
        ("wasm32-unknown-unknown", False),
        ("cfg(", True),
        ("cfg(?)", True),
        ("cfg(a b c", True),
        ("cfg(" + "not(" * 900 + "x" + ")" * 901, True),
        ("cfg(any(" + "unix, " * 5000 + "))", True),
    ],
)
def test_target(target: str, wanted: bool) -> None:
    assert is_for_linux(target) is wanted


@given(st.text(alphabet='cfganyotl(),="_ unixwds', max_size=60))
def test_anything_gets_an_answer(text: str) -> None:
    assert is_for_linux(f"cfg({text}") in {True, False}
