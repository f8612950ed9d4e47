"""Makes symptoms of what packages say themselves, and of libraries that a text only mentions.

Both count only where no loader, build or other program that is known tells what is wrong.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from wheelfix.explain.asked import Asked, find_asked
from wheelfix.explain.model import Account, Symptom, SymptomKind
from wheelfix.explain.opened import is_same
from wheelfix.explain.own_words import find_sayings
from wheelfix.explain.paths import find_distribution, parse_path
from wheelfix.explain.wording import SONAME
from wheelfix.index.lookup import find_providers
from wheelfix.index.named_table import NamedIndex
from wheelfix.index.own_words import find_own_words, list_own_words
from wheelfix.index.table import SonameTable
from wheelfix.model.base import replace
from wheelfix.model.hints import OpeningKind
from wheelfix.model.words import OwnWords, Saying

_MOST = 3
"""Libraries of which any may be meant, that are told."""
_MENTIONED = re.compile(rf"(?<![\w/.-]){SONAME}(?![\w/-]|\.\w)")
_USE = re.compile(r"(?<![\w./])(?P<module>[A-Za-z_]\w*)\.[A-Za-z_]\w*(?![\w/])", re.ASCII)
_FAILURE = re.compile(
    r"\b(?:not|no|none|cannot|unable|fail(?:s|ed|ure)?|missing|lacks?|tried|absent|need(?:s|ed)?|require[sd]?)\b|n't\b",
    re.IGNORECASE,
)
"""Words of a line that says that something is absent, or is asked for."""
_OF_LOADER = re.compile(r"ld-linux|lib(?:c|m|pthread|dl|rt|util|resolv)\.so")


def _find_speakers(account: Account) -> Account:
    """Find whose compiled code opens a library, where a traceback only shows a caller.

    Of the distributions that are known to open the library, it is the one that the frames are of, or that the
    lines of the text call by the name of its module. Without one, the frames are believed.
    """
    words = list_own_words()
    symptoms = []
    for one in account.symptoms:
        if one.by_caller and one.soname and one.frame and one.distribution is None:
            caller = parse_path(one.frame)
            openers = {name for name, own in words.items() if _opens(own, one.soname)}
            known = caller is not None and caller.name in openers
            if not known and (speaker := _find_called(account.lines, openers)):
                one = replace(one, distribution=speaker, frame=None, line=None, module=None)
        symptoms.append(one)
    return replace(account, symptoms=tuple(symptoms))


def _opens(own: OwnWords, soname: str) -> bool:
    return any(is_same(name, soname.rpartition("/")[2]) for name in own.libraries)


def _find_called(lines: Sequence[str], names: Collection[str]) -> str | None:
    """Find the distribution whose module code uses last: ``torch.det(u)``."""
    for line in reversed(lines):
        for match in _USE.finditer(line):
            found = find_distribution(match["module"])
            if found in names:
                return found
    return None


def list_concerned(account: Account) -> tuple[str, ...]:
    """List the distributions of a text's frames, the innermost first, without repetitions."""
    found = (parse_path(path) for path in reversed(account.frames))
    return tuple(dict.fromkeys(package.name for package in found if package))


def needs_words(account: Account) -> bool:
    """Whether nothing that is known tells what is wrong, so that other words of the text count."""
    return all(symptom.kind is SymptomKind.NO_PROGRAM for symptom in account.symptoms)


def add_sayings(
    account: Account,
    index: SonameTable,
    names_of: NamedIndex | None,
    read: Mapping[str, OwnWords] | None = None,
) -> Account:
    """Add the symptoms of sentences that packages write themselves, else of what the text mentions.

    Args:
        account: the information of the text.
        index: the index for attributes.
        names_of: its tables of names other than sonames.
        read: what installed distributions say, by name, if their sources were read.

    Returns:
        The account with these symptoms, if it has none that tells more; absent programs that the index does
        not have are left out, as any word may be taken for one.

    Raises:
        IndexProblem: the index is damaged.
    """
    if not needs_words(account):
        rest = [one for one in account.symptoms if one.kind is not SymptomKind.NO_PROGRAM]
        return _find_speakers(replace(account, symptoms=tuple(rest)))
    sayings = find_sayings(account.lines, list_concerned(account), read)
    symptoms = [symptom for one in sayings for symptom in _read_saying(one, index, names_of)]
    if not symptoms:
        symptoms = [one for one in account.symptoms if _find_present(one.names, names_of, index)]
    if not symptoms:
        symptoms = list(_find_mentioned(account.lines, index))
    return replace(account, symptoms=tuple(dict.fromkeys(symptoms)))


def _read_saying(saying: Saying, index: SonameTable, names_of: NamedIndex | None) -> Iterator[Symptom]:
    """Make symptoms of a sentence: of the library that is most likely meant, or of the program."""
    names: Sequence[str] = saying.libraries
    if not saying.sure:  # of all that it opens, the line may name one
        names = [name for name in names if _find_stem(name) in saying.text.lower()] or names
    chosen = _choose_libraries(names, index)
    if names and not chosen and (own := find_own_words(saying.distribution)):
        chosen = _choose_libraries(own.libraries, index)  # the same library has other names, too
    for soname in chosen[: 1 if saying.sure else _MOST]:
        yield Symptom(
            kind=SymptomKind.NAMED,
            soname=soname,
            distribution=saying.distribution,
            call=OpeningKind.FIND_LIBRARY,
        )
    programs = _find_present(saying.programs, names_of, index)
    if programs and not chosen:
        few = programs[: 1 if saying.sure else _MOST]
        yield Symptom(kind=SymptomKind.NO_PROGRAM, names=few, distribution=saying.distribution)


def _find_stem(soname: str) -> str:
    """Return the name of a library as people call it: ``gdal`` of ``libgdal.so.36``."""
    return soname.partition(".so")[0].removeprefix("lib").lower()


def _choose_libraries(names: Sequence[str], index: SonameTable) -> tuple[str, ...]:
    """Choose of alternatives one name for each package that has some, those first that have the most."""
    by_attr: dict[str, list[str]] = defaultdict(list)
    for lookup in find_providers(index, names):
        if lookup.providers:
            by_attr[lookup.providers[0].attr].append(lookup.soname)
    return tuple(found[0] for found in sorted(by_attr.values(), key=len, reverse=True))


def _find_present(
    programs: Iterable[str], names_of: NamedIndex | None, index: SonameTable
) -> tuple[str, ...]:
    """Return the programs that nixpkgs has."""
    asked = [Asked(SymptomKind.PROGRAM, name) for name in programs]
    return tuple(one.name for one, answer in find_asked(asked, index, names_of).items() if answer.attrs)


def _find_mentioned(lines: Sequence[str], index: SonameTable) -> Iterator[Symptom]:
    """Find libraries by their file names in lines that say that something is absent."""
    names = dict.fromkeys(
        match[0] for line in lines if _FAILURE.search(line) for match in _MENTIONED.finditer(line)
    )
    for lookup in find_providers(index, [name for name in names if not _OF_LOADER.match(name)]):
        if lookup.providers:
            yield Symptom(kind=SymptomKind.MISSING, soname=lookup.soname, unsure=True)
