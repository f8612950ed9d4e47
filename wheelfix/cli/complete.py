"""Completes words in a shell with what the index has; never with a message, and never slowly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import click

_PATH = ("/", ".", "~")


def complete_names(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Complete the name of a library, program, pkg-config module or CMake package."""

    def find(index: Path | None) -> Sequence[str]:
        from wheelfix.flows.complete import complete_name

        return () if typed.startswith(_PATH) else complete_name(typed, index)

    return _list(context, find)


def complete_attrs(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Complete an attribute that has libraries."""

    def find(index: Path | None) -> Sequence[str]:
        from wheelfix.flows.complete import complete_attr

        return complete_attr(typed, index)

    return _list(context, find)


def complete_builds(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Complete an attribute of a Python package."""

    def find(_: Path | None) -> Sequence[str]:
        from wheelfix.flows.complete import complete_build

        return complete_build(typed)

    return _list(context, find)


def complete_sources(context: click.Context, _parameter: click.Parameter, typed: str) -> list[str]:
    """Complete the kinds of source in ``NAME=KIND,KIND``; bash takes the sign for the end of a word."""

    def find(_: Path | None) -> Sequence[str]:
        from wheelfix.model.lock import ChoiceKind

        name, sign, kinds = typed.partition("=")
        known, comma, last = kinds.rpartition(",")
        return [f"{name}={known}{comma}{kind}" for kind in ChoiceKind if sign and kind.startswith(last)]

    return _list(context, find)


def _list(context: click.Context, find: Callable[[Path | None], Sequence[str]]) -> list[str]:
    try:
        found = find(context.params.get("index"))
    except Exception:
        return []
    return [word for word in found if word.isprintable()]
