"""Reads the descriptive fields of METADATA: summary, home page, license, accepted versions of Python.

A license is an SPDX expression, from the strongest evidence: ``License-Expression`` (PEP 639), the
``License`` field, classifiers, and license texts, which decide where those only name a family of licenses.
The names are in ``data/licenses.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from wheelfix.model.reading import About
from wheelfix.model.tables import Row, Table, load_table
from wheelfix.wheel.metadata import canonicalize_license, read_fields

ReadTexts = Callable[[], Iterable[bytes]]
"""Reads the license texts of a distribution; called only if the metadata leaves the license open."""

MAX_LICENSE = 64 << 10
"""Longest license text that is read, in bytes: that of the GPL has 35 KB."""
_MAX_TEXTS = 8

_UNKNOWN = frozenset({"", "unknown", "none", "n/a"})
"""What build tools write into a field that nobody filled."""
_FILE = re.compile(r"(?:licen[cs]es?/)?(?:licen[cs]e|copying)(?:[.-](?:txt|md|rst))?", re.IGNORECASE)
_TOKEN = re.compile(r"[a-z]+|\d+(?:\.\d+)*|\+")
_IDLE = frozenset(
    {
        *(
            "a",
            "agreement",
            "clause",
            "dual",
            "gnu",
            "its",
            "licence",
            "license",
            "licensed",
            "licenses",
            "of",
        ),
        *("released", "software", "style", "terms", "the", "under", "v", "version"),
    }
)
"""Words that make no difference between licenses."""
_SEPARATOR = re.compile(r"(\s+or\s+|\s+and\s+|\s*[/,;&]\s*)", re.IGNORECASE)
_SHORT = 6
"""Words of a license's name; what has more is a sentence about it."""
_PROPRIETARY = frozenset({"commercial", "eula", "noncommercial", "proprietary", "unfree"})
_LONG = 200
"""Characters of the License field from which it is a text and not a name."""
_HOMES = ("homepage", "home", "source", "sourcecode", "repository", "github", "code")
_CHANGES = ("changelog", "changes", "changelogs", "releasenotes", "history", "whatsnew")


class LicenseText(Row):
    """What tells the text of a license: phrases in it, and phrases that only similar texts have."""

    has: tuple[str, ...]
    lacks: tuple[str, ...] = ()


class Licenses(Table):
    """Table of names of licenses.

    Attributes:
        classifiers: SPDX expression, by the last part of a classifier.
        families: possible SPDX identifiers, by folded words that name several.
        texts: by SPDX identifier.
        words: SPDX expression, by folded words.
    """

    FILE = "licenses.toml"

    classifiers: dict[str, str]
    families: dict[str, tuple[str, ...]]
    texts: dict[str, LicenseText]
    words: dict[str, str]


def parse_about(text: bytes, read_texts: ReadTexts = tuple) -> About:
    """Read the descriptive fields of a METADATA file.

    Args:
        text: the file.
        read_texts: reads the license texts.

    Raises:
        WheelError: it cannot be parsed.
    """
    raw = read_fields("METADATA", text)
    urls = {re.sub(r"[^a-z]", "", label.lower()): url for label, url in raw.get("project_urls", {}).items()}
    words = raw.get("license") or ""
    classifiers = [c.rpartition(" :: ")[2] for c in raw.get("classifiers", []) if c.startswith("License :: ")]
    named = "" if words.strip().lower() in _UNKNOWN else words.strip().partition("\n")[0]
    return About(
        summary=_drop_unknown(raw.get("summary")),
        homepage=_find_address([raw.get("home_page"), *(urls.get(label) for label in _HOMES)]),
        changelog=_find_address([urls.get(label) for label in _CHANGES]),
        spdx=name_license(raw.get("license_expression") or "", words, classifiers, read_texts),
        license=raw.get("license_expression") or named or "; ".join(sorted(classifiers)),
        requires_python=raw.get("requires_python") or "",
    )


def _drop_unknown(value: str | None) -> str:
    return "" if value is None or value.strip().lower() in _UNKNOWN else value.strip()


def _find_address(urls: Iterable[str | None]) -> str:
    return next((url for url in urls if url and re.match(r"https?://\S+\Z", url)), "")


def list_licenses(info: str, sizes: Mapping[str, int]) -> list[str]:
    """List the texts of a distribution's own license, sorted; those of bundled libraries have other names.

    Args:
        info: its ``.dist-info`` directory.
        sizes: of all its files in bytes, by path.

    Example:
        >>> list_licenses("a.dist-info", {"a.dist-info/licenses/LICENSE.txt": 1, "a.dist-info/METADATA": 1})
        ['a.dist-info/licenses/LICENSE.txt']
    """
    return sorted(
        path
        for path, size in sizes.items()
        if path.startswith(f"{info}/") and _FILE.fullmatch(path[len(info) + 1 :]) and size <= MAX_LICENSE
    )[:_MAX_TEXTS]


def name_license(
    expression: str, words: str, classifiers: Sequence[str], read_texts: ReadTexts = tuple
) -> str:
    """Name the license of a distribution by an SPDX expression, from the strongest evidence.

    Several licenses whose combination nobody states all apply: that is the careful reading.

    Args:
        expression: ``License-Expression``, or empty.
        words: the ``License`` field, or empty.
        classifiers: last parts of the classifiers.
        read_texts: reads the license texts.

    Returns:
        A canonical expression; ``LicenseRef-Proprietary`` for a license that is told to be none of free
        software; empty if the license cannot be told.
    """
    table = load_table(Licenses)
    if expression:
        return canonicalize_license(expression)
    first, _, rest = words.strip().partition("\n")
    if (rest or len(first) > _LONG) and len(found := _find_texts([words])) == 1:
        return found[0]
    words = first if len(first) <= _LONG else ""
    if named := _name_listed(words) or _name_words(words):
        return named
    named_by_classifiers = sorted({table.classifiers[c] for c in classifiers if c in table.classifiers})
    families = [
        table.families[key] for key in map(fold_words, (words, *classifiers)) if key in table.families
    ]
    if not families and named_by_classifiers:
        return " AND ".join(named_by_classifiers)
    found = _find_texts(text.decode("utf-8", "replace") for text in read_texts())
    if families:
        possible = {spdx for family in families for spdx in family}
        decided = [spdx for spdx in found if spdx in possible]
        return " AND ".join(sorted({*named_by_classifiers, *decided})) if len(decided) == 1 else ""
    return found[0] if len(found) == 1 else ""


def _name_words(words: str) -> str:
    folded = fold_words(words)
    said = set(folded.split())
    # Longer texts may say what a free license does not ask: "… to distribute commercial programs".
    closed = "LicenseRef-Proprietary" if _PROPRIETARY & said and len(said) <= _SHORT else ""
    return canonicalize_license(words) or load_table(Licenses).words.get(folded, closed)


def _name_listed(words: str) -> str:
    """Name several licenses that are listed: ``MIT/Apache-2.0``, ``BSD-3-Clause and MIT``."""
    first, *rest = _SEPARATOR.split(words)
    named = [_name_words(part) for part in (first, *rest[1::2])]
    signs = {sign.strip().lower() for sign in rest[::2]}
    if not rest or not all(named) or len(signs) > 1:
        return ""
    return canonicalize_license((" OR " if signs <= {"/", "or"} else " AND ").join(named))


def fold_words(words: str) -> str:
    """Reduce the name of a license to the words that matter, in lower case, sorted.

    Example:
        >>> fold_words("Apache License, Version 2.0"), fold_words("GPLv3+")
        ('2 apache', '+ 3 gpl')
    """
    tokens = _TOKEN.findall(re.sub(r"v\.?\s*(?=\d)", " ", words.lower()))
    return " ".join(sorted({token.removesuffix(".0") for token in tokens} - _IDLE))


def _find_texts(texts: Iterable[str]) -> list[str]:
    """Find whose texts these are, sorted."""
    known = load_table(Licenses).texts
    found = set()
    for text in texts:
        flat = " ".join(text.lower().replace("“", '"').split())
        found |= {
            spdx
            for spdx, told in known.items()
            if all(phrase in flat for phrase in told.has) and not any(p in flat for p in told.lacks)
        }
    return sorted(found)
