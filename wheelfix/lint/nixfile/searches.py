"""Reads directories from strings: library paths of shells, and search paths in a package's shell code.

A string consists of text and interpolations. In shell code, each interpolation is replaced by one character
of a private-use plane of Unicode, so that the code can be split into words as the shell does it.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

from wheelfix.lint.model import Input, InputRoot, Place, Search, Unclear
from wheelfix.lint.nixfile.values import Joined, Opaque, Piece, Ref, Root

ROOTS = {Root.PKGS: InputRoot.PKGS, Root.ARGUMENT: InputRoot.ARGUMENT, Root.PYTHON: InputRoot.PYTHON}
"""Roots of paths that may be inputs."""

_MARKS = 0xF0000
_MOST = 0xFFFD
_LONGEST = 4096
"""Longest command in characters; no path is longer."""
_UNUSED = re.compile("[\U000f0000-\U0010ffff]")
_SITE = "lib/python/site-packages"
_ANY_SITE = re.compile(r"lib/python3?(?:\.\d+)?t?/site-packages")
_COMMAND = "addAutoPatchelfSearchPath"
_HARMLESS = frozenset({"echo", "popd", "pushd", "rm", "rmdir", "runHook", "substituteInPlace"})
"""Commands that cannot add libraries."""
_QUOTED = re.compile(r"""\\.|'[^']*'|"(?:\\.|[^"\\])*"|\$[("']|.""", re.DOTALL)
"""Pieces of a line: what is quoted, what begins with a dollar, and single characters."""
_WRITTEN = (".py", ".pth", ".start", "/dev/null")
"""Ends of the names of files that are no libraries, to which such a command may write."""


def find_in_path(joined: Joined, name: str, place: Place) -> Iterator[Input | Search | Unclear | str]:
    """Read a library path: directories separated by colons.

    Args:
        joined: the path.
        name: name of the variable, which becomes the inputs' ``list_name``.
        place: its position.

    Yields:
        ``lib`` directories of packages as inputs, other directories of packages, absolute ones as text, and
        parts that are not understood.
    """
    text, pieces = _write_out(joined)
    yield from _read_path(text, pieces, name, place)


def find_in_hook(
    joined: Joined, names: Sequence[str], place: Place
) -> Iterator[tuple[str, Input | Search | Unclear | str]]:
    """Read the library paths that shell code assigns to variables.

    Args:
        joined: the code.
        names: names of the variables.
        place: its position.

    Yields:
        The name of a variable, and what :func:`find_in_path` finds in its value.
    """
    text, pieces = _write_out(joined)
    for match in re.finditer(rf"\b({'|'.join(names)})=([\"']?)([^\s\"';]*)", text):
        for found in _read_path(match[3], pieces, match[1], place):
            yield match[1], found


def _read_path(
    text: str, pieces: Sequence[Piece], name: str, place: Place
) -> Iterator[Input | Search | Unclear | str]:
    for word in text.split(":"):
        found = _read_directory(word, pieces, place) if word else None
        if isinstance(found, Search) and found.attr and found.directory == "lib":
            root = InputRoot.PKGS if found.root is None else found.root
            yield Input(attr=found.attr, root=root, list_name=name, place=place, condition=found.condition)
        elif found is not None:
            yield found
        elif word.startswith("/"):
            yield word


def find_in_code(joined: Joined, place: Place) -> Iterator[Search | None]:
    """Read the directories that shell code adds to the search of auto-patchelf.

    Args:
        joined: the code.
        place: its position.

    Yields:
        Directories; None for each line that may add others, or put libraries into them.
    """
    text, pieces = _write_out(joined)
    for line in map(str.strip, text.splitlines()):
        command = line.partition(" ")[0]
        if command == _COMMAND:
            yield from _read_command(line, pieces, place)
        elif command and command[0] != "#" and not _is_harmless(line):
            yield None


def _is_harmless(line: str) -> bool:
    """Whether a line is one command that cannot add libraries, and writes nothing but Python's own files."""
    if len(line) >= _LONGEST or _runs_others(line):
        return False
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""  # it takes any # for one, even inside a word
    try:
        words = list(lexer)
    except ValueError:
        return False
    words = words[:-2] if words[-2:] == ["||", "true"] else words
    signs = [(at, word) for at, word in enumerate(words) if word and not word.strip("();<>|&")]
    for at, sign in signs:
        if sign not in {">", ">>"} or not words[at + 1 : at + 2] or not words[at + 1].endswith(_WRITTEN):
            return False
    match words:
        case ["cp", source, target]:
            return not source.startswith("-") and target.endswith(_WRITTEN)
        case [program, "-m", "compileall", "-q", *files]:
            return _is_mark(program) and all(file.endswith(".py") for file in files)
    return words[0] in _HARMLESS


def _is_mark(word: str) -> bool:
    """Whether a word is one interpolation."""
    return len(word) == 1 and ord(word) >= _MARKS


def _runs_others(line: str) -> bool:
    """Whether words of a command may be made by other commands, or are quoted in a way that is not read."""
    for match in _QUOTED.finditer(line):
        piece = match[0]
        if piece[0] not in "\\'" and ("`" in piece or "$(" in piece or piece in {"$'", '$"'}):
            return True
    return False


def _read_command(line: str, pieces: Sequence[Piece], place: Place) -> Iterator[Search | None]:
    try:
        words = shlex.split(line, comments=True)[1:] if len(line) < _LONGEST else [""]
    except ValueError:  # a quoted string over several lines
        words = [""]
    for word in words:
        if not word.startswith("-"):
            found = _read_directory(word, pieces, place)
            yield found if isinstance(found, Search) else None


def _write_out(joined: Joined) -> tuple[str, Sequence[Piece]]:
    words: list[str] = []
    pieces: list[Piece] = []
    for piece in joined.pieces:
        if isinstance(piece.content, str):
            words.append(piece.content if piece.content.isascii() else _UNUSED.sub("?", piece.content))
        elif len(pieces) < _MOST:
            words.append(chr(_MARKS + len(pieces)))
            pieces.append(piece)
    return "".join(words), pieces


def _read_directory(word: str, pieces: Sequence[Piece], place: Place) -> Search | Unclear | None:
    """Read a directory below a package: ``${final.x}/${python.sitePackages}/x/lib``, ``${pkgs.y}/lib/y``."""
    if not word or ord(word[0]) < _MARKS:
        return None
    piece = pieces[ord(word[0]) - _MARKS]
    rest = "".join(_spell(c, pieces) for c in word[1:])
    match piece.content:
        case Opaque(unclear=unclear):
            return unclear
        case Ref(root=root, path=path) if root in ROOTS and path and (not rest or rest[0] == "/"):
            if "\0" in rest:
                return None
            below = posixpath.normpath(_ANY_SITE.sub(_SITE, rest).lstrip("/") or ".")
            if root is Root.PYTHON or below.startswith(f"{_SITE}/"):
                directory = posixpath.relpath(below, _SITE)
                return Search(
                    directory=directory, distribution=path[0], place=place, condition=piece.condition
                )
            return Search(
                directory=below,
                attr=".".join(path),
                root=ROOTS[root],
                place=place,
                condition=piece.condition,
            )
    return None


def _spell(sign: str, pieces: Sequence[Piece]) -> str:
    """Return a character of a word as text; of interpolations, only the site-packages path is understood."""
    if ord(sign) < _MARKS:
        return sign
    content = pieces[ord(sign) - _MARKS].content
    return _SITE if isinstance(content, Ref) and content.path[-1:] == ("sitePackages",) else "\0"
