"""Variables that packages honour: what they name is in nixpkgs, and a shell sets them."""

from __future__ import annotations

import pytest

from tests.support.facts import open_table
from wheelfix.index.variables import Variables, find_variables
from wheelfix.model.override import Cuda, Override
from wheelfix.model.tables import load_table
from wheelfix.model.variables import Variable
from wheelfix.override.shell import render_shell
from wheelfix.scan.sentences import say_variable


def test_what_variables_name_is_in_nixpkgs() -> None:
    table = load_table(Variables)
    rows = {**table.variables, **table.settings}
    attributes = open_table().attributes
    found = {row.attr: attributes.find(row.attr) for row in rows.values() if row.attr}
    unknown = {attr for attr, said in found.items() if said is None}
    assert unknown <= {"playwright-driver.browsers"}, "programs are not among the attributes that are known"
    assert [attr for attr, said in found.items() if said and said.removed is not None] == []
    assert all(not (row.attr and row.value) for row in rows.values())


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        (Variable(name="A", attr="b.c", path="/d", reason="e"), 'A = "${pkgs.b.c}/d" (e)'),
        (Variable(name="A", value="b", reason="c"), 'A = "b" (c)'),
        (Variable(name="A", reason="c"), "unset A (c)"),
    ],
)
def test_what_to_do_is_said_in_one_clause(variable: Variable, said: str) -> None:
    assert say_variable(variable) == said


def test_a_shell_sets_variables_and_unsets_others_but_no_settings() -> None:
    overrides = [
        Override(
            name=name, version="1", target=name, tags=(), cuda=Cuda.WHEELS, variables=find_variables(name)
        )
        for name in ("wand", "playwright", "django", "pyside6-essentials", "imageio-ffmpeg")
    ]
    code = render_shell(overrides)
    assert 'MAGICK_HOME = "${pkgs.lib.getLib pkgs.imagemagick}";' in code
    assert '"${pkgs.lib.getLib pkgs.playwright-driver.browsers}";' in code
    assert 'IMAGEIO_FFMPEG_EXE = "${pkgs.lib.getBin pkgs.ffmpeg}/bin/ffmpeg";' in code
    assert 'shellHook = "unset QT_PLUGIN_PATH QT_QPA_PLATFORM_PLUGIN_PATH";' in code
    assert "GDAL_LIBRARY_PATH" not in code
