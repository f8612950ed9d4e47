"""What packages say themselves when they do not find a library or a program."""

from __future__ import annotations

from wheelfix.model.base import Struct
from wheelfix.model.tables import InOrder, Row


class Sentence(Row):
    """One line of a message that a package's own source writes: constant text with holes.

    Attributes:
        text: the constant text, with ``{}`` for each hole, which the program fills.
        libraries: names of what was not found, as :class:`wheelfix.model.hints.CalledName` has them, sorted.
        programs: the same for programs. If both are empty and ``filled`` is not set, it is any of what the
            distribution opens and runs.
        filled: whether a hole has the name of what was not found; the two above are then empty.
        weak: whether other programs may say the same about something else, so that it counts only if the
            distribution is known to be concerned.
    """

    text: str
    libraries: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    filled: bool = False
    weak: bool = False

    @property
    def parts(self) -> tuple[str, ...]:
        """The constant text, in order; between each two parts there is a hole."""
        return tuple(self.text.split("{}"))


class OwnWords(Row):
    """What one distribution opens and runs, and what it says when that is not there.

    Attributes:
        libraries: names of libraries that its Python code opens, sorted.
        optional: those of them without which it goes on, sorted.
        programs: names of programs that it runs, sorted; without those that every system has.
        sentences: sorted by their texts.
    """

    libraries: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    sentences: InOrder[Sentence] = ()


class Saying(Struct):
    """A sentence of a distribution, found in a text.

    Attributes:
        distribution: whose sentence it is, normalised (PEP 503).
        line: index of the line in the lines that were searched.
        text: the line, with single blanks.
        libraries: names of libraries of which one is not there, sorted: alternatives, of which an index of
            nixpkgs may know some only; ``libNAME.so`` stands for any version.
        programs: the same for programs.
        sure: whether the sentence tells which; if not, it is any of what the distribution opens and runs.
    """

    distribution: str
    line: int
    text: str
    libraries: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    sure: bool = True
