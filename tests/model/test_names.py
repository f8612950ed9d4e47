from __future__ import annotations

import pytest

from wheelfix.model.names import Name, NameKind, find_stems, list_files, tell_kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("libz.so.1", NameKind.LIBRARY),
        ("libz.so", NameKind.LIBRARY),
        ("ld-linux-x86-64.so.2", NameKind.LIBRARY),
        ("/usr/lib/libicuuc.so.*", NameKind.LIBRARY),
        ("cairo.pc", NameKind.PKG_CONFIG),
        ("/usr/lib/pkgconfig/gtk+-3.0.pc", NameKind.PKG_CONFIG),
        ("Qt6Config.cmake", NameKind.CMAKE),
        ("fmt-config.cmake", NameKind.CMAKE),
        ("openssl/ssl.h", NameKind.HEADER),
        ("half.hpp", NameKind.HEADER),
        ("x.hh", NameKind.HEADER),
        ("x.hxx", NameKind.HEADER),
        ("x.h++", NameKind.HEADER),
        ("pg_config", None),
        ("libtbb", None),
        ("FindPNG.cmake", None),
        ("FmtConfigVersion.cmake", None),
        (".pc", None),
        ("-config.cmake", None),
        ("Config.cmake", None),
        (".h", None),
        ("libz.so.1/readme", None),
        ("", None),
    ],
)
def test_the_kind_is_told_by_the_end_of_the_name(text: str, kind: NameKind | None) -> None:
    assert tell_kind(text) is kind


@pytest.mark.parametrize(
    ("kind", "text", "files"),
    [
        (NameKind.PKG_CONFIG, "cairo", ("cairo.pc",)),
        (NameKind.PKG_CONFIG, "/x/cairo.pc", ("cairo.pc",)),
        (NameKind.CMAKE, "Fmt", ("FmtConfig.cmake", "fmt-config.cmake")),
        (NameKind.CMAKE, "/x/fmt-config.cmake", ("fmt-config.cmake",)),
        (NameKind.HEADER, "lber.h", ("lber.h",)),
        (NameKind.HEADER, "/nix/store/x/include/openssl/ssl.h", ("openssl/ssl.h",)),
        (NameKind.HEADER, "include/Eigen/Core", ("Eigen/Core",)),
        (NameKind.PROGRAM, "/usr/bin/pg_config", ("pg_config",)),
    ],
)
def test_files_that_answer_a_name(kind: NameKind, text: str, files: tuple[str, ...]) -> None:
    assert list_files(Name(kind=kind, text=text)) == files


@pytest.mark.parametrize(
    ("kind", "file", "stems"),
    [
        (NameKind.PKG_CONFIG, "libpng16.pc", ("libpng16", "libpng")),
        (NameKind.CMAKE, "Qt6SvgConfig.cmake", ("Qt6Svg",)),
        (NameKind.HEADER, "a/b/c.h", ("c", "a", "b")),
        (NameKind.HEADER, "Eigen/Core", ("Core", "Eigen")),
        (NameKind.PROGRAM, "2to3", ("2to3", "2to")),
        (NameKind.PROGRAM, "7", ("7",)),
    ],
)
def test_what_a_name_says_about_its_package(kind: NameKind, file: str, stems: tuple[str, ...]) -> None:
    assert tuple(find_stems(kind, file)) == stems
