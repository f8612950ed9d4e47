"""Documents: text that knows where it may be broken, and the one layout of them.

The technique is that of Wadler's "A prettier printer", as in Prettier: a document stands for all the ways to
print it, and the layout chooses for one group after the other, from the outside in: one line where there is
room, else a new line at each break of the group. A group knows its one line from the start: the layout never
looks ahead, and takes linear time.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from wheelfix.model.base import Struct

WIDTH = 80
STEP = 2
_NARROWEST = 40
"""Columns that a comment has, however far it is indented."""


class Break(Struct, kw_only=False, gc=False):
    r"""A place where a group may be broken.

    Attributes:
        flat: what stands there on one line; None where that cannot be.
        broken: what stands there otherwise: ``"\n"`` for a new line, or text.
    """

    flat: str | None
    broken: str


LINE = Break(" ", "\n")
SOFT = Break("", "\n")
HARD = Break(None, "\n")
COMMA = Break("", ",")
FORCED = Break(None, "")
"""Shows nothing, and breaks the groups it is in."""
JOINT = Break("", "")
"""Shows nothing. A group before it fits or not whatever text follows."""
EMPTY = "\n"
"""Before a :data:`HARD` break: a line without indentation."""


class Comment(Struct, kw_only=False, gc=False):
    """Words for as many ``#`` lines as they take. A line break follows."""

    words: str


class Nest(Struct, kw_only=False, gc=False):
    """Parts of a broken group, one step further in; made by :func:`nest`."""

    parts: tuple[Document, ...]
    flat: str | None


class Group(Struct, kw_only=False, gc=False):
    """Parts on one line where there is room, else broken at all their breaks; made by :func:`group`.

    Attributes:
        parts: what it is made of.
        flat: all of it on one line; None where that cannot be.
        hugs: it may begin behind other text also where it takes several lines: it begins with a bracket.
    """

    parts: tuple[Document, ...]
    flat: str | None
    hugs: bool


class Hug(Struct, kw_only=False, gc=False):
    """A group of which the last part alone is broken, where the rest has room on a line; made by :func:`hug`.

    Attributes:
        parts: what it is made of.
        flat: all of it on one line; None where that cannot be.
        head: the rest on one line, without the space behind it.
        last: the last part, which hugs.
    """

    parts: tuple[Document, ...]
    flat: str | None
    head: str
    last: Document


class Paragraphs(Struct, kw_only=False, gc=False):
    """Each begins a line; an empty line stands between two that take several each."""

    parts: tuple[Document, ...]

    @property
    def flat(self) -> str | None:
        """One alone may stand on one line with what is around it."""
        return None if len(self.parts) > 1 else flatten([p for part in self.parts for p in (LINE, part)])


Document: TypeAlias = str | Break | Comment | Nest | Group | Hug | Paragraphs


def flatten(parts: Sequence[Document]) -> str | None:
    """All parts on one line; None where that cannot be."""
    texts = []
    for part in parts:
        text = part if isinstance(part, str) else None if isinstance(part, Comment) else part.flat
        if text is None:
            return None
        texts.append(text)
    return "".join(texts)


def nest(*parts: Document) -> Nest:
    """Indent the lines that begin in these parts."""
    return Nest(parts, flatten(parts))


def group(*parts: Document, hugs: bool = False) -> Group:
    """Break these parts all together or not at all."""
    return Group(parts, flatten(parts), hugs)


def hug(head: str, last: Document, *parts: Document) -> Hug:
    """Break the last of these parts alone, or all of them."""
    return Hug(parts, flatten(parts), head, last)


def may_hug(document: Document) -> bool:
    """Whether its first line may stand behind other text; its last line then closes it."""
    return isinstance(document, Hug) or (isinstance(document, Group) and document.hugs)


def lay_out(document: Document, width: int = WIDTH) -> str:
    """Print a document, in lines of at most so many columns wherever its breaks allow that."""
    page = _Page(width)
    page.lay(document, 0)
    return "".join(page.chunks)


@dataclass
class _Page:
    width: int
    chunks: list[str] = field(default_factory=list)
    column: int = 0

    def write(self, text: str) -> None:
        self.chunks.append(text)
        self.column += len(text)

    def begin_line(self, indent: int) -> None:
        self.chunks.append("\n" + " " * indent)
        self.column = indent

    def lay(self, document: Document, indent: int, reserve: int = 0) -> None:
        """Lay out what begins in the current column.

        Args:
            document: what to print.
            indent: of its further lines.
            reserve: columns to be left free behind its last line.
        """
        stack = [(document, indent, reserve)]
        while stack:
            document, indent, reserve = stack.pop()
            if isinstance(document, str):
                self.write(document)
            elif isinstance(document, Break):
                if document.broken == "\n":
                    self.begin_line(indent)
                else:
                    self.write(document.broken)
            elif isinstance(document, Comment):
                self.write(f"\n{' ' * indent}".join(_wrap(document.words, self.width - indent)))
            elif isinstance(document, Paragraphs):
                self.lay_paragraphs(document, indent)
            elif isinstance(document, Nest):
                stack += _unfold(document.parts, indent + STEP, reserve)
            elif document.flat is not None and self.column + len(document.flat) + reserve <= self.width:
                self.write(document.flat)
            elif isinstance(document, Hug) and self.column + len(document.head) + len(" [") <= self.width:
                self.write(f"{document.head} ")
                stack.append((document.last, indent, reserve))
            else:
                stack += _unfold(document.parts, indent, reserve)

    def lay_paragraphs(self, paragraphs: Paragraphs, indent: int) -> None:
        long = False
        for part in paragraphs.parts:
            space = len(self.chunks)
            self.chunks.append("")
            self.begin_line(indent)
            start = len(self.chunks)
            self.lay(part, indent)
            before, long = long, any("\n" in self.chunks[i] for i in range(start, len(self.chunks)))
            if before and long:
                self.chunks[space] = "\n"


def _unfold(parts: Sequence[Document], indent: int, reserve: int) -> Iterator[tuple[Document, int, int]]:
    """The parts of a broken group, last first; each has to leave room for the text directly behind it."""
    behind = reserve
    for part in reversed(parts):
        yield part, indent, behind
        if isinstance(part, str):
            behind += len(part)
        else:
            behind = len(part.broken.strip()) if isinstance(part, Break) else 0


def _wrap(words: str, width: int) -> list[str]:
    width = max(_NARROWEST, width - len("# "))
    lines = textwrap.wrap(words, width, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in lines]
