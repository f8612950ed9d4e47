from __future__ import annotations

import html
import json
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wheelfix.explain import read
from wheelfix.explain.model import Account, Symptom, SymptomKind
from wheelfix.explain.read import MAX_SYMPTOMS, clean_line, merge_accounts, read_messages
from wheelfix.explain.wordings import SEARCHED
from wheelfix.model.hints import OpeningKind

MESSAGE = b"ImportError: libodbc.so.2: cannot open shared object file: No such file or directory"
TRACEBACK = (
    b"Traceback (most recent call last):\n"
    b'  File "/home/ann/v/lib/python3.12/site-packages/pyodbc_user/__init__.py", line 1, in <module>\n'
    b"    import pyodbc\n" + MESSAGE + b"\n"
)


def find_sonames(*chunks: bytes) -> list[str | None]:
    return [s.soname for s in read_messages(chunks).symptoms]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\n\n\n",
        b"checking for libfoo... not found\nfoo: command not found here\n",
        b'Traceback (most recent call last):\n  File "x.py", line 1, in <module>\nZeroDivisionError: x\n',
        b"ImportError: cannot import name 'x' from 'y' (/home/ann/y.so)\n",
        b"ModuleNotFoundError: No module named 'torch'\n",
        b"gcc -shared -o libfoo.so.1 foo.o\nfile not found: libfoo.so\n",
        b"error: builder for '/nix/store/00000000000000000000000000000000-x-1.drv' failed with exit code 1\n",
        b"warn: auto-patchelf ignoring missing libcuda.so.1 wanted by /x\n",
        b'{"Dependency": [1, 2]}\n{"Dependency": {"found": false}}\n{"Dependency": ',
        b"@nix {broken\n@nix []\n@nix {}\n",
        b"\xff\xfe\x00\x01\x02\n",
    ],
)
def test_other_texts_say_nothing(text: bytes) -> None:
    assert read_messages([text]).symptoms == ()


def test_what_auto_patchelf_ignores_is_no_symptom() -> None:
    lines = b"    libcuda.so.1 -> not found!\n    libz.so.1 -> not found!\n"
    summary = b"warn: auto-patchelf ignoring missing libcuda.so.1 wanted by /x/y.so\n"
    assert find_sonames(lines + summary) == ["libz.so.1"]


def test_doubles_are_one_and_the_one_that_says_who_wants_it_wins() -> None:
    more = b"/bin/x: error while loading shared libraries: libodbc.so.2: cannot open shared object file: No\n"
    (symptom,) = read_messages([MESSAGE + b"\n" + more + MESSAGE + b"\n"]).symptoms
    assert symptom.wanted_by == "/bin/x"


def test_the_traceback_before_a_message_is_not_another_one() -> None:
    other = TRACEBACK.replace(b"import pyodbc", b"import numpy").replace(b"libodbc.so.2", b"libz.so.1")
    first, second = read_messages([other + b"noise\n" * 5 + TRACEBACK]).symptoms
    assert (first.soname, first.module) == ("libz.so.1", "numpy")
    assert (second.soname, second.module) == ("libodbc.so.2", "pyodbc")


@given(cuts=st.lists(st.integers(0, len(TRACEBACK) * 3), max_size=12))
def test_chunks_may_end_anywhere(cuts: list[int]) -> None:
    text = b"noise\n" * 3 + TRACEBACK + b"more noise, and no line end"
    edges = [0, *sorted(min(c, len(text)) for c in cuts), len(text)]
    chunks = [text[a:b] for a, b in pairwise(edges)]
    assert read_messages(chunks) == read_messages([text])


@given(st.binary(max_size=2000))
def test_no_bytes_make_it_fail(data: bytes) -> None:
    read_messages([data, MESSAGE, data, b"\n@nix {", data, b'\n{"Dependency": {', data])


@given(st.lists(st.sampled_from([*SEARCHED, "/a b", ": ", "'", "(", ")", "lib.so", "\n", "any("])))
def test_no_mix_of_words_makes_it_fail(words: list[str]) -> None:
    read_messages([" ".join(words).encode()])


@pytest.mark.parametrize("before", [0, 5_000, 8_000, 8_190, 8_191, 8_192, 9_000, 100_000, 1_500_000])
@pytest.mark.parametrize("behind", [0, 10, 9_000, 50_000])
def test_a_message_anywhere_in_a_long_line(before: int, behind: int) -> None:
    text = b"x" * before + b" " + MESSAGE + b" " + b"y" * behind
    for size in (1 << 20, 4096):
        chunks = [text[i : i + size] for i in range(0, len(text), size)]
        assert find_sonames(*chunks) == ["libodbc.so.2"]


def test_several_messages_in_one_long_line() -> None:
    names = [f"libx{n}.so.1" for n in range(40)]
    text = (b" " + b"z" * 1_000).join(f" {n}: cannot open shared object file".encode() for n in names)
    assert find_sonames(text) == names


def _noise(total: int, end: bytes) -> Iterator[bytes]:
    line = b"checking for -shared objects and shared libraries, 0123456789 abcdef" + end
    chunk = line * ((1 << 20) // len(line))
    for _ in range(total // len(chunk)):
        yield chunk
    yield b"\n" + TRACEBACK


@pytest.mark.parametrize("end", [b"\n", b" "], ids=["lines", "one line"])
def test_memory_is_bounded(end: bytes) -> None:
    tracemalloc.start()
    try:
        account = read_messages(_noise(24 << 20, end))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert [s.soname for s in account.symptoms] == ["libodbc.so.2"]
    assert peak < 16 << 20


def test_endless_complaints_are_cut() -> None:
    lines = (f"\tlibx{n}.so => not found\n".encode() for n in range(MAX_SYMPTOMS * 3))
    account = read_messages(lines)
    assert len(account.symptoms) == MAX_SYMPTOMS
    assert account.left_out


def test_merge() -> None:
    one, two = read_messages([MESSAGE]), read_messages([MESSAGE + b"\nlibz.so.1 => not found\n"])
    merged = merge_accounts(one, two)
    assert [s.soname for s in merged.symptoms] == ["libodbc.so.2", "libz.so.1"]
    assert merge_accounts(Account(symptoms=()), one) == one


SITE = "/home/ann/v/lib/python3.12/site-packages"
CANNOT = "cannot open shared object file: No such file or directory"


def read_traceback(statement: str, error: str, *, further: str = "") -> Symptom:
    text = (
        "Traceback (most recent call last):\n"
        f'  File "{SITE}/orrery/__init__.py", line 9, in <module>\n    {statement}\n{further}{error}\n'
    )
    (symptom,) = read_messages([text.encode()]).symptoms
    return symptom


CFFI = f'  File "{SITE}/cffi/api.py", line 150, in dlopen\n    lib, cache = _make_ffi_library(self, name)\n'
NOT_MANAGED = "ctypes.util.find_library() did not manage to locate a library called"


@pytest.mark.parametrize(
    ("statement", "error", "soname", "call"),
    [
        ("ffi.dlopen('pulse')", f"OSError: {NOT_MANAGED} 'pulse'", "libpulse.so", OpeningKind.FIND_LIBRARY),
        (
            "ffi.dlopen(name)",
            (
                f"OSError: cannot load library 'libx.so.1': libx.so.1: {CANNOT}.  Additionally, "
                f"{NOT_MANAGED} 'libx.so.1'"
            ),
            "libx.so.1",
            OpeningKind.CFFI,
        ),
        (
            "ffi.dlopen(name)",
            (
                f"OSError: cannot load library 'gobject-2.0-0': gobject-2.0-0: {CANNOT}.  Additionally, "
                f"{NOT_MANAGED} 'gobject-2.0-0'"
            ),
            "libgobject-2.0.so",
            OpeningKind.FIND_LIBRARY,
        ),
    ],
)
def test_cffi_opens_libraries_for_others(statement: str, error: str, soname: str, call: OpeningKind) -> None:
    symptom = read_traceback(statement, error, further=CFFI)
    assert (symptom.soname, symptom.call, symptom.unsure) == (soname, call, False)
    assert (symptom.frame, symptom.line) == (f"{SITE}/orrery/__init__.py", 9)


@pytest.mark.parametrize(
    ("statement", "error", "call", "unsure"),
    [
        ('lib = CDLL("libx.so.1")', f"OSError: libx.so.1: {CANNOT}", OpeningKind.CTYPES, False),
        ("lib = CDLL(path)", f"OSError: libx.so.1: {CANNOT}", None, True),
        ("from . import _x", f"ImportError: libx.so.1: {CANNOT}", None, False),
    ],
)
def test_an_oserror_may_be_of_a_name_or_of_what_a_file_is_linked_against(
    statement: str, error: str, call: OpeningKind | None, unsure: bool
) -> None:
    symptom = read_traceback(statement, error)
    assert (symptom.soname, symptom.call, symptom.unsure) == ("libx.so.1", call, unsure)


def test_names_for_other_systems_are_left_out() -> None:
    lines = [f"cannot load library '{n}': {n}: {CANNOT}" for n in ("libx.2.dylib", "libx-2.dll", "libx.so.2")]
    assert find_sonames("\n".join(lines).encode()) == ["libx.so.2"]


@pytest.mark.parametrize("separator", [b"\r", b"\n", b"\r\n", b"\\n", b" "])
def test_a_complaint_that_is_repeated_is_taken_in_once(
    monkeypatch: pytest.MonkeyPatch, separator: bytes
) -> None:
    """Work that is done for each repetition, with all that stands before it, would be a square."""
    message = b"ImportError: libtbb.so.12: cannot open shared object file: No such file or directory"
    count = 0

    def add(symptom: Symptom, text: str, before: list[str], found: object) -> None:
        nonlocal count
        count += len(before) + 1
        original(symptom, text, before, found)  # type: ignore[arg-type]

    original = read._add
    monkeypatch.setattr(read, "_add", add)
    counts = []
    for repetitions in (1_000, 4_000):
        count = 0
        text = separator.join([message] * repetitions)
        found = read_messages(text[n : n + 100_000] for n in range(0, len(text), 100_000))
        assert Symptom(kind=SymptomKind.MISSING, soname="libtbb.so.12") in found.symptoms
        counts.append(count)
    assert counts[1] <= 4 * max(counts[0], 100)
    assert counts[1] < 20_000  # lines looked at: a few for each repetition, not all that came before


def test_cr_ends_a_line_wherever_chunks_end() -> None:
    text = (
        b"building\rlibx.so.1: cannot open shared object file\r\n/liby.so.2: cannot open shared object file\r"
    )
    for size in (1, 2, 7, 1000):
        found = read_messages(text[n : n + size] for n in range(0, len(text), size))
        assert [s.soname for s in found.symptoms] == ["libx.so.1", "/liby.so.2"]


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
    assert clean(b'@nix {"msg": 3}') == [('@nix {"msg": 3}', None)]
    assert clean(b'@nix {"msg": "\\ud800"}') == [('@nix {"msg": "\\ud800"}', None)]
    assert clean(b"@nix [1]") == [("@nix [1]", None)]
    assert clean(b"@nix {" + b"[" * 100_000) != []


def test_a_page_of_a_web_site_is_read_as_its_text() -> None:
    text = (
        f"error: builder for '/nix/store/{'0' * 32}-python3.12-ldap-1.drv' failed\n"
        "a.c:1: fatal error: lber.h: No such file or directory"
    )
    for apostrophe in ("&#x27;", "&#39;"):
        page = html.escape(text).replace("&#x27;", apostrophe).replace("\n", "<br>\n")
        account = read_messages([f'<pre class="log"><code>{page}</code></pre>'.encode()])
        assert [symptom.names for symptom in account.symptoms] == [("lber.h",)]
        assert [package.name for package in account.packages] == ["ldap"]
