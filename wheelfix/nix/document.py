"""Documents, which are text with possible line breaks, and their layout.

The technique is that of Wadler's "A prettier printer", as in Prettier: a document represents all ways to
print it. The layout decides for each group, from the outside in: one line if there is room, else a new line
at each break of the group. Each group stores its text on one line, so the layout never looks ahead, and takes
linear time.
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
"""Smallest width of a comment in columns, at any indentation."""


class Break(Struct, kw_only=False, gc=False):
    r"""A place where a group may be broken.

    Attributes:
        flat: text in a group on one line; None if the group must be broken.
        broken: text in a broken group: ``"\n"`` for a new line, or other text.
    """

    flat: str | None
    broken: str


LINE = Break(" ", "\n")
SOFT = Break("", "\n")
HARD = Break(None, "\n")
COMMA = Break("", ",")
FORCED = Break(None, "")
"""Prints nothing, and breaks the groups that contain it."""
JOINT = Break("", "")
"""Prints nothing. Text after it does not count when a group before it is fitted."""
EMPTY = "\n"
"""Before a :data:`HARD` break: a line without indentation."""


class Comment(Struct, kw_only=False, gc=False):
    """Words, wrapped into ``#`` lines. A line break follows."""

    words: str


class Nest(Struct, kw_only=False, gc=False):
    """Parts that are indented by one more step in a broken group; made by :func:`nest`."""

    parts: tuple[Document, ...]
    flat: str | None


class Group(Struct, kw_only=False, gc=False):
    """Parts on one line if there is room, else broken at all their breaks; made by :func:`group`.

    Attributes:
        parts: what it is made of.
        flat: all of it on one line; None where that cannot be.
        hugs: whether it may follow other text on a line even if it is broken, as it begins with a bracket.
    """

    parts: tuple[Document, ...]
    flat: str | None
    hugs: bool


class Hug(Struct, kw_only=False, gc=False):
    """A group of which only the last part is broken if the rest fits on a line; made by :func:`hug`.

    Attributes:
        parts: what it is made of.
        flat: all of it on one line; None where that cannot be.
        head: the rest on one line, without the space after it.
        last: the last part, which hugs.
    """

    parts: tuple[Document, ...]
    flat: str | None
    head: str
    last: Document


class Paragraphs(Struct, kw_only=False, gc=False):
    """Documents that each begin a line; an empty line separates two that have several lines each."""

    parts: tuple[Document, ...]

    @property
    def flat(self) -> str | None:
        """Text on one line, if there is only one document."""
        return None if len(self.parts) > 1 else flatten([p for part in self.parts for p in (LINE, part)])


Document: TypeAlias = str | Break | Comment | Nest | Group | Hug | Paragraphs


def flatten(parts: Sequence[Document]) -> str | None:
    """Join all parts on one line; None if that is not possible."""
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
    """Whether its first line may follow other text; its last line then closes it."""
    return isinstance(document, Hug) or (isinstance(document, Group) and document.hugs)


def lay_out(document: Document, width: int = WIDTH) -> str:
    """Print a document, in lines of at most ``width`` columns as far as its breaks allow it."""
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
        """Lay out a document that begins in the current column.

        Args:
            document: what to print.
            indent: indentation of its further lines.
            reserve: columns to leave free after its last line.
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
    """Yield the parts of a broken group, last first; each reserves room for the text directly after it."""
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
