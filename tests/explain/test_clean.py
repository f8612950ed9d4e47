from __future__ import annotations

import json

import pytest

from wheelfix.explain.reader import clean_line


def clean(raw: bytes) -> list[tuple[str, str | None]]:
    return list(clean_line(raw))


@pytest.mark.parametrize(
    ("raw", "text", "build"),
    [
        (b"plain", "plain", None),
        (b"windows\r", "windows", None),
        (b"\x1b[1;31mred\x1b[0m", "red", None),
        (b"\x1b]8;;https://x\x07link\x1b]8;;\x07", "link", None),
        (b"\x1b]0;title\x1b\\text", "text", None),
        (b"       > in a tail", "in a tail", None),
        (b"> > quoted twice", "quoted twice", None),
        (b"numba> from a build", "from a build", "numba"),
        (b"python3.12-numba-0.60.0> x", "x", "python3.12-numba-0.60.0"),
        (b"       > numba> both", "both", "numba"),
        (b"    libz.so.1 -> found: /x", "    libz.so.1 -> found: /x", None),
        (b"a &lt;b&gt; &#x27;c&#x27; &quot;", "a <b> 'c' \"", None),
        (b"R&D stays; as it is", "R&D stays; as it is", None),
        ("\ufeffmark".encode(), "mark", None),
        (b"\xff", "\ufffd", None),
    ],
)
def test_dress(raw: bytes, text: str, build: str | None) -> None:
    assert clean(raw) == [(text, build)]


def test_written_out_line_ends_are_line_ends() -> None:
    assert [t for t, _ in clean(rb"one\ntwo\r\nthree")] == ["one", "two", "three"]


def test_carriage_returns_of_a_progress_bar() -> None:
    assert [t for t, _ in clean(b"1%\r2%\rdone")] == ["1%", "2%", "done"]


def test_internal_json() -> None:
    event = {"action": "result", "fields": ["\x1b[31merror: x", 3, ["y"]], "id": 1, "type": 101}
    assert clean(b"@nix " + json.dumps(event).encode()) == [("error: x", None)]
    assert clean(b'@nix {"msg": "a\\nb"}') == [("a", None), ("b", None)]
    assert clean(b"@nix [1]") == [("@nix [1]", None)]
    assert clean(b"@nix {" + b"[" * 100_000) != []
