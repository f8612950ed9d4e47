"""Text in both directions: pasted logs, Nix files that are read, Nix code and lines that are written."""

from __future__ import annotations

import json
import shutil
import subprocess

from fuzz import seeds
from fuzz.target import Broken, Target, demand
from wheelfix.explain.own_words import find_sayings
from wheelfix.explain.paths import find_distribution, find_interpreter, find_named, parse_path
from wheelfix.explain.read import clean_line, read_messages
from wheelfix.lint.nixfile.overrides import parse_overrides
from wheelfix.nix.printer import render
from wheelfix.nix.quote import clean_comment, escape, quote, quote_name
from wheelfix.nix.tree import Attrs, Commented, Expr, List, bind, select, text
from wheelfix.report.escape import printable


def run_messages(data: bytes) -> None:
    """A log in one piece and in small ones, and everything that is asked of what was found."""
    reading = read_messages([data])
    if len(data) < 1 << 12:
        pieces = read_messages(data[at : at + 61] for at in range(0, len(data), 61))
        demand(pieces.symptoms == reading.symptoms, "symptoms do not depend on the size of pieces")
    for path in reading.paths:
        parse_path(path)
    find_interpreter(reading.paths)
    find_named(reading.words)
    for symptom in reading.symptoms:
        if symptom.module:
            find_distribution(symptom.module)


def run_lines(data: bytes) -> None:
    """A single line, undressed; and made fit for a terminal."""
    for line, _ in clean_line(data):
        find_sayings([line], ("pyglet", "pysodium"))
        shown = printable(line)
        demand(all(c.isprintable() for c in shown), "nothing that a terminal acts on is left")


def unquote(code: str) -> str:
    """What the lexer of Nix makes of a string in quotes (``src/libexpr/lexer.l``), in the way it goes."""
    demand(len(code) > 1 and code[0] == code[-1] == '"', "a string has quotes")
    out, at, end = [], 1, len(code) - 1
    while at < end:
        c = code[at]
        if c == "\\":
            demand(at + 1 < end, "the last quote is not escaped")
            at += 1
            out.append({"n": "\n", "r": "\r", "t": "\t"}.get(code[at], code[at]))
        else:
            demand(c != '"' and c != "\r", "nothing ends the string early")  # the lexer turns CR into LF
            demand(not code.startswith("${", at), "nothing is interpolated")
            out.append(c)
        at += 1
    return "".join(out)


def run_quote(data: bytes) -> None:
    """Strings, names and comments, against a model of the lexer."""
    line = data.decode("utf-8", "surrogateescape")
    comment = clean_comment(line)
    demand(not set(comment) & set("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029\0"), "a comment is one line")
    demand(unquote(quote(line)) == line, "a string comes out as it went in")
    demand(escape(line) == quote(line)[1:-1], "a string is its contents in quotes")
    name = quote_name(line)
    demand(name == line or unquote(name) == line, "a name comes out as it went in")


_BATCH = 256
_waiting: list[str] = []


def run_nix(data: bytes) -> None:
    """Strings, names and comments, against the real Nix: in lots, for starting it takes longest."""
    line = data.decode("utf-8", "replace").replace("\0", "")
    _waiting.append(line)
    if len(_waiting) >= _BATCH:
        lot, _waiting[:] = list(_waiting), []
        ask_nix(lot)


def ask_nix(lot: list[str]) -> None:
    """Evaluate texts as strings, attribute names and comments.

    Raises:
        Broken: one came out as another.
    """
    items: list[Expr] = []
    for line in lot:
        items.append(text(line))
        items.append(Commented(line, select(Attrs((bind(line, text(line), line),)), line)))
    command = ["nix-instantiate", "--eval", "--strict", "--json", "--store", "dummy://", "-"]
    result = subprocess.run(
        command, input=render(List(tuple(items))).encode(), capture_output=True, check=False
    )
    wanted = [line for line in lot for _ in range(2)]
    if result.returncode or json.loads(result.stdout) != wanted:
        if len(lot) > 1:  # say which
            ask_nix(lot[: len(lot) // 2])
            ask_nix(lot[len(lot) // 2 :])
        raise Broken(f"{lot[0]!r}: {result.stderr.decode(errors='replace')}")


def run_nixfile(data: bytes) -> None:
    """A Nix file with overrides in it."""
    parse_overrides(data, subject="f.nix")


_QUOTE_TOKENS = (
    b'"', b"\\", b"$", b"${", b"''", b"$$", b"\n", b"\r", b"\t", b"#", b"*/", b"/*", b"\xe2\x80\xae",
    b"\xe2\x80\xa8", b"or", b"rec", b".", b"\xc2\x85",
)  # fmt: skip
_MESSAGE_TOKENS = (
    b"ImportError: ", b"cannot open shared object file", b": No such file or directory",
    b"error: auto-patchelf could not satisfy dependency ", b" wanted by ", b" => not found",
    b"version `GLIBC_2.38' not found (required by ", b"undefined symbol: ", b"@nix {", b"\\n",
    b"\x1b[31m", b"numba> ", b"> ", b"&quot;", b"/nix/store/", b"/site-packages/", b'  File "',
    b'", line 1, in f', b".so.1", b"any(", b'{"Dependency": ', b"/lib64/ld-linux-x86-64.so.2",
    b"libGL.so.1", b"Error loading shared library ", b"Error relocating ", b": symbol not found",
    b"OSError: ",
)  # fmt: skip
_NIX_TOKENS = (
    b"{ ", b" }", b"[ ", b" ]", b"(", b")", b"rec ", b"let ", b" in ", b"with ", b"inherit ",
    b"final: prev: ",
    b"overrideAttrs", b"buildInputs", b" ++ ", b" // ", b"lib.optionals ", b"''", b"${", b"if ", b" then ",
    b" else ", b";", b"=", b"map ", b"x: x x", b"lib.genAttrs",
)  # fmt: skip

TARGETS = (
    Target(name="messages", run=run_messages, seeds=seeds.messages, tokens=_MESSAGE_TOKENS, max_size=1 << 13),
    Target(name="lines", run=run_lines, seeds=seeds.lines, tokens=_MESSAGE_TOKENS, max_size=1 << 10),
    Target(name="quote", run=run_quote, seeds=seeds.strange_texts, tokens=_QUOTE_TOKENS, max_size=256),
    *(
        [Target(name="nix", run=run_nix, seeds=seeds.strange_texts, tokens=_QUOTE_TOKENS, max_size=256)]
        if shutil.which("nix-instantiate")
        else []
    ),
    Target(
        name="nixfile",
        run=run_nixfile,
        seeds=seeds.nix_files,
        tokens=_NIX_TOKENS,
        max_size=1 << 13,
    ),
)
