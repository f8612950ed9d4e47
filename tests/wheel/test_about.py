"""What METADATA says about a distribution: its license, from whatever evidence there is."""

from __future__ import annotations

import pytest

from wheelfix.model.tables import load_table
from wheelfix.wheel.about import Licenses, fold_words, list_licenses, name_license, parse_about
from wheelfix.wheel.metadata import canonicalize_license, find_pythons

BSD2 = """Redistribution and use in source and binary forms, with or without
modification, are permitted provided that the following conditions are met:
 * Redistributions of source code must retain the above copyright notice.
 * Redistributions in binary form must reproduce the above copyright notice."""
BSD3 = f"{BSD2}\n * Neither the name of the holder may be used to endorse or\n   promote products."
MIT = """Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal in it.
The above copyright notice and this permission notice shall be included in all copies."""


@pytest.mark.parametrize(
    ("words", "spdx"),
    [
        ("MIT", "MIT"),
        ("apache-2.0", "Apache-2.0"),
        ("The MIT License (MIT)", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache Software License 2.0", "Apache-2.0"),
        ("BSD 3-Clause License", "BSD-3-Clause"),
        ("new BSD", "BSD-3-Clause"),
        ("Simplified BSD", "BSD-2-Clause"),
        ("GPLv3+", "GPL-3.0-or-later"),
        ("GNU GPL v3 or later", "GPL-3.0-or-later"),
        ("GNU Lesser General Public License v2.1", "LGPL-2.1-only"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("MIT/Apache-2.0", "MIT OR Apache-2.0"),
        ("BSD 3-Clause and MIT", "BSD-3-Clause AND MIT"),
        ("NVIDIA Proprietary Software", "LicenseRef-Proprietary"),
        (
            "Dual Licensed - GNU AFFERO GPL 3.0 or Artifex Commercial License",
            "AGPL-3.0-only OR LicenseRef-Proprietary",
        ),
        ("Public Domain", "LicenseRef-Public-Domain"),
        ("GPL", ""),
        ("Ask Jane, or Joe", ""),
        ("see LICENSE", ""),
        ("UNKNOWN", ""),
    ],
)
def test_names_that_people_write(words: str, spdx: str) -> None:
    assert name_license("", words, []) == spdx


@pytest.mark.parametrize(
    ("classifiers", "spdx"),
    [
        (["MIT License"], "MIT"),
        (["OSI Approved"], ""),
        (["Apache Software License", "MIT License"], "Apache-2.0 AND MIT"),
        (["GNU General Public License (GPL)"], ""),
        (["Other/Proprietary License"], "LicenseRef-Proprietary"),
        (["BSD License"], ""),
        (["BSD License", "MIT License"], ""),
    ],
)
def test_classifiers(classifiers: list[str], spdx: str) -> None:
    assert name_license("", "", classifiers) == spdx


@pytest.mark.parametrize(
    ("words", "classifiers", "texts", "spdx"),
    [
        ("BSD", [], [BSD3], "BSD-3-Clause"),
        ("", ["BSD License"], [BSD2], "BSD-2-Clause"),
        ("", ["BSD License", "MIT License"], [BSD3, MIT], "BSD-3-Clause AND MIT"),
        ("BSD", [], [MIT], ""),
        ("BSD", [], [BSD2, BSD3], ""),
        ("", [], [MIT], "MIT"),
        ("", [], [MIT, BSD3], ""),
        ("", [], ["All rights reserved."], ""),
        (MIT, [], [], "MIT"),
        (MIT + BSD3, ["Python Software Foundation License"], [], "PSF-2.0"),
        ("Apache-2.0", [], [MIT], "Apache-2.0"),
    ],
)
def test_texts_decide_what_names_leave_open(
    words: str, classifiers: list[str], texts: list[str], spdx: str
) -> None:
    assert name_license("", words, classifiers, lambda: [text.encode() for text in texts]) == spdx


def test_texts_are_read_only_where_they_decide() -> None:
    def fail() -> list[bytes]:
        raise AssertionError

    assert name_license("mit or BSD-2-clause", "GPL", ["BSD License"], fail) == "MIT OR BSD-2-Clause"
    assert name_license("", "MIT", ["BSD License"], fail) == "MIT"
    assert name_license("", "", ["MIT License"], fail) == "MIT"


def test_an_expression_that_is_none_names_no_license() -> None:
    about = parse_about(b"Metadata-Version: 2.4\nName: a\nVersion: 1\nLicense-Expression: My Own\n")
    assert (about.spdx, about.license) == ("", "My Own")
    deep = "(" * 5_000 + "MIT" + ")" * 5_000
    assert (
        canonicalize_license(deep) == canonicalize_license("(" * 500) == canonicalize_license("MIT AND") == ""
    )


def test_fields_that_nobody_filled_say_nothing() -> None:
    about = parse_about(
        b"Metadata-Version: 2.1\nName: a\nVersion: 1\n"
        b"Summary: UNKNOWN\nHome-page: UNKNOWN\nLicense: UNKNOWN\n"
        b"Classifier: License :: OSI Approved :: MIT License\nRequires-Python: >=3.9\n"
        b"Project-URL: Change Log, https://example.org/changes\nProject-URL: Source, ftp://example.org\n"
    )
    assert (about.summary, about.homepage, about.spdx) == ("", "", "MIT")
    assert (about.license, about.requires_python) == ("MIT License", ">=3.9")
    assert about.changelog == "https://example.org/changes"


def test_license_files_are_the_own_ones() -> None:
    info = "a-1.dist-info"
    names = ["LICENSE", "licenses/LICENSE.txt", "licenses/vendor/zlib/LICENSE", "LICENSE.numpy", "METADATA"]
    sizes = {**{f"{info}/{name}": 9 for name in names}, f"{info}/COPYING": 1 << 20, "b/LICENSE": 9}
    assert list_licenses(info, sizes) == [f"{info}/LICENSE", f"{info}/licenses/LICENSE.txt"]


def test_the_table_says_what_can_be_found() -> None:
    table = load_table(Licenses)
    for spdx in (*table.classifiers.values(), *table.words.values(), *table.texts):
        assert canonicalize_license(spdx) == spdx
    assert [words for words in (*table.words, *table.families) if fold_words(words) != words] == []
    assert not {*table.words} & {*table.families}
    assert all(canonicalize_license(spdx) == spdx for family in table.families.values() for spdx in family)


@pytest.mark.parametrize(
    ("specifier", "found"),
    [
        ("", ("", "")),
        (">=3.11", ("3.11", "")),
        (">=3.12,<3.15", ("3.12", "3.15")),
        ("<=3.13", ("", "3.14")),
        (">=3.8,!=3.9.*,<4", ("3.8", "")),
        (">=3.10.2", ("3.10", "")),
        ("==3.12.*", ("3.12", "3.13")),
        ("<3", ("", "")),
        ("three", ("", "")),
    ],
)
def test_ranges_of_python(specifier: str, found: tuple[str, str]) -> None:
    assert find_pythons(specifier) == found


def test_a_sentence_about_a_free_license_does_not_make_it_proprietary() -> None:
    words = "GPLv2-or-later with a special exception which allows to distribute commercial programs, too"
    classifiers = ["GNU General Public License v2 (GPLv2)"]

    assert "Proprietary" not in name_license("", words, classifiers)
    assert name_license("", "Commercial", []) == "LicenseRef-Proprietary"
