"""Names that act on a terminal, or are Nix code: nothing of them gets through a report."""

from __future__ import annotations

import io
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from wheelfix.errors import InputError
from wheelfix.explain.model import Explanation
from wheelfix.lint.model import LintFinding
from wheelfix.model import elf, hints, index, policies
from wheelfix.model.base import Struct, encode_indented, fields, replace
from wheelfix.model.classes import Brought, Cause, NeedClass
from wheelfix.model.index import IndexInfo
from wheelfix.model.override import Dialect
from wheelfix.model.scan import FileHit, IndexSource, Located, Need, NeedTrace, WheelScan
from wheelfix.report.escape import print_error
from wheelfix.report.explain import render_explanation
from wheelfix.report.json import document_check, document_explanation, document_scans, document_trial
from wheelfix.report.lint import render_lint
from wheelfix.report.plain import render_hits, render_located, render_sources, render_traces
from wheelfix.report.terminal import print_scans
from wheelfix.report.trial import render_trial
from wheelfix.trial.model import Outcome, Trial, Tried

NAMES = {**vars(elf), **vars(hints), **vars(index), **vars(policies)}
HOSTILE = 'lib\x1b]0;owned\x07\x1b[2J\r\n\x9b31m\u202egnp.so" ]; x = builtins.abort "'


def fill(kind: Any) -> Any:
    """A value of a type, with the hostile text wherever a text may be."""
    if kind is str:
        return HOSTILE
    if kind in {int, float}:
        return 1
    if kind is bool:
        return True
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if get_origin(kind) is tuple:
        arguments = get_args(kind)
        return (fill(arguments[0]),) if arguments[-1] is ... else tuple(map(fill, arguments))
    if get_origin(kind) in {frozenset, Sequence}:
        return get_origin(kind)([fill(get_args(kind)[0])])
    if get_origin(kind) is Mapping:
        return {fill(part): fill(other) for part, other in [get_args(kind)]}
    if kind == Cause:
        return fill(Brought)
    if isinstance(kind, types.UnionType):
        return fill(next(a for a in get_args(kind) if a is not type(None)))
    if isinstance(kind, type) and issubclass(kind, Struct):
        hints = get_type_hints(kind, None, NAMES)
        return kind(**{name: fill(hints[name]) for name in fields(kind)})
    raise TypeError(kind)


def is_calm(text: str) -> bool:
    return bool(text) and all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("need_class", NeedClass)
def test_scans(need_class: NeedClass) -> None:
    hints = get_type_hints(Need, None, NAMES)
    need = Need(**{name: fill(hints[name]) for name in fields(Need)} | {"need_class": need_class})
    values = {name: fill(get_type_hints(WheelScan, None, NAMES)[name]) for name in fields(WheelScan)}
    scan = WheelScan(**values | {"needs": (need,), "machine": need.machine})
    out = io.StringIO()
    print_scans([scan, scan], file=out)
    assert is_calm(out.getvalue())
    assert encode_indented(document_scans([scan])).isascii()


def test_other_reports() -> None:
    explanation = fill(Explanation)
    paste = [(HOSTILE, HOSTILE)]
    assert is_calm(render_explanation(explanation, paste, [HOSTILE]))
    assert encode_indented(document_explanation(explanation, Dialect.UV2NIX, paste, [HOSTILE])).isascii()
    assert is_calm(render_lint([fill(LintFinding)]))
    assert encode_indented(document_check([fill(LintFinding)], path=HOSTILE)).isascii()
    assert is_calm(render_located([fill(Located)], every=True, why=True))
    assert is_calm("\n".join(render_hits([fill(FileHit)])))
    assert is_calm(render_sources([fill(IndexSource)]))
    assert is_calm(render_traces([fill(NeedTrace)]))
    for outcome in Outcome:
        tried = replace(fill(Tried), outcome=outcome, counts=outcome is not Outcome.DRIVER)
        trial = replace(fill(Trial), tried=(tried,))
        assert is_calm(render_trial(trial)), outcome
        assert encode_indented(document_trial(trial)).isascii()
    assert is_calm(fill(IndexInfo).source) is False, "the text would show"


def test_errors(capsys: pytest.CaptureFixture[str]) -> None:
    error = InputError(HOSTILE, HOSTILE, HOSTILE)
    print_error(error.subject, error.problem, error.hint)
    assert is_calm(capsys.readouterr().err)
