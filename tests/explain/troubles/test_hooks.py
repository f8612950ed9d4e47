"""Hooks: every attribute of the table is one that the real nixpkgs has, as far as it is at hand."""

from __future__ import annotations

import pytest

from wheelfix.explain.model import SymptomKind
from wheelfix.explain.read import read_messages
from wheelfix.explain.troubles.hooks import _KNOWN


@pytest.mark.parametrize("function", sorted(_KNOWN))
def test_every_function_is_recognised(function: str) -> None:
    text = f"/nix/store/x-stdenv/setup: line 1693: {function}: command not found"
    (symptom,) = read_messages([text.encode()]).symptoms
    assert symptom.kind is SymptomKind.HOOK
    assert symptom.names == (function, _KNOWN[function])


@pytest.mark.parametrize("text", ["bash: myMakeWrapper: command not found", "bash: foo: command not found"])
def test_other_commands_are_not(text: str) -> None:
    assert read_messages([text.encode()]).symptoms == ()
