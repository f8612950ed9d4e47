"""Parses and writes YAML. The door to ``yaml`` (PyYAML), an extra of this package, imported where it is used.

Every scalar is text: ``3.10`` is no number and ``no`` is no answer, as conda's files mean them. Documents are
made from libyaml's events, one by one, and not by its loaders, which follow nesting with the C stack: so
depth and size have bounds, and what is wrong has a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from wheelfix.errors import InputError
from wheelfix.lockfile.checks import HINT, tell_extra
from wheelfix.model.base import Struct

if TYPE_CHECKING:
    from yaml.events import Event

_DEEPEST = 64  # levels; an environment.yml has 4, a lock 5
_MOST = 4_000_000  # values, aliases counted as what they stand for; a lock of 54 000 lines has 130 000
_SHOWN = 60
_TAGS = re.compile(r"!|tag:yaml\.org,2002:(?:str|int|float|bool|null|timestamp|seq|map)")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"})
_MERGE = "<<"


class _Anchor(Struct):
    """A value that has a name: how many values are in it, and how deep."""

    value: Any
    size: int
    height: int


class _Open:
    """A mapping or list that has begun."""

    def __init__(self, value: dict[str, Any] | list[Any], anchor: str | None, line: int) -> None:
        self.value, self.anchor, self.line = value, anchor, line
        self.key: str | None = None
        self.merged: list[tuple[str, Any]] = []
        self.size = self.height = 1


def parse_yaml(name: str, text: str, *, hint: str = HINT) -> Any:
    """Parse one document.

    Args:
        name: of the file, for messages.
        text: its contents.
        hint: what to do about a document that is wrong.

    Returns:
        Mappings with text as keys, lists, and text; an empty value is empty text.

    Raises:
        InputError: the extra is not installed; or it is no YAML, not one document, nested too deep, too large
            with its aliases, or has a tag, a key twice, or a key that is no text. The message names the line.
    """
    try:
        import yaml
    except ImportError:
        raise tell_extra(name) from None
    loader = getattr(yaml, "CLoader", yaml.Loader)  # only its parser is used: no value is constructed
    try:
        return _Builder(name, hint).build(yaml.parse(text.removeprefix("\ufeff"), Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}: line {mark.line + 1}" if mark else name
        raise InputError(where, f"is no YAML ({error.problem or error.context})", hint) from None
    except (yaml.YAMLError, UnicodeError) as error:  # characters that YAML does not have
        said = getattr(error, "reason", "") or "an unknown error"
        raise InputError(name, f"is no YAML ({said})", hint) from None


class _Builder:
    """Makes a document of events."""

    def __init__(self, name: str, hint: str) -> None:
        self._name, self._hint = name, hint
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchor | None] = {}  # None: a value that has not ended
        self._count = 0
        self._document: Any = ""

    def build(self, events: Iterator[Event]) -> Any:
        from yaml import events as kinds

        documents = 0
        for event in events:
            if isinstance(event, kinds.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse(event, "begins a second document")
            elif isinstance(event, kinds.AliasEvent):
                self._refer(event)
            elif isinstance(event, kinds.ScalarEvent):
                self._check_tag(event)
                merges = event.value == _MERGE and event.implicit[0]
                self._add(event, event.value, 1, 1, merges=merges)
                self._name_value(event.anchor, _Anchor(value=event.value, size=1, height=1))
            elif isinstance(event, kinds.CollectionStartEvent):
                self._check_tag(event)
                self._begin(event, {} if isinstance(event, kinds.MappingStartEvent) else [])
            elif isinstance(event, kinds.CollectionEndEvent):
                self._end(event)
        return self._document

    def _begin(self, event: Any, value: dict[str, Any] | list[Any]) -> None:
        if len(self._open) >= _DEEPEST:
            raise self._refuse(event, f"is nested deeper than {_DEEPEST} levels")
        self._name_value(event.anchor, None)
        self._open.append(_Open(value, event.anchor, event.start_mark.line))

    def _end(self, event: Any) -> None:
        one = self._open.pop()
        for _, value in one.merged:
            self._merge(event, one, value)
        self._name_value(one.anchor, _Anchor(value=one.value, size=one.size, height=one.height))
        self._add(event, one.value, one.size, one.height, counted=True)

    def _refer(self, event: Any) -> None:
        name = event.anchor
        if name not in self._anchors:
            raise self._refuse(event, f"refers to {name[:_SHOWN]!r}, which is nowhere above")
        anchor = self._anchors[name]
        if anchor is None:
            raise self._refuse(event, f"refers to {name[:_SHOWN]!r}, which it is inside")
        if len(self._open) + anchor.height > _DEEPEST:
            raise self._refuse(event, f"is nested deeper than {_DEEPEST} levels")
        self._add(event, anchor.value, anchor.size, anchor.height)

    def _add(
        self,
        event: Any,
        value: Any,
        size: int,
        height: int,
        *,
        merges: bool = False,
        counted: bool = False,
    ) -> None:
        """Put a value where it belongs: a document, a list, a key or what belongs to a key."""
        self._count += 1 if counted else size
        if self._count > _MOST:
            raise self._refuse(event, f"has more than {_MOST} values")
        if not self._open:
            self._document = value
            return
        top = self._open[-1]
        top.size, top.height = top.size + size, max(top.height, height + 1)
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is None:
            if not isinstance(value, str):
                raise self._refuse(event, "has a key that is no text")
            if value in top.value:
                raise self._refuse(event, f"has the key {value[:_SHOWN]!r} twice")
            top.key = value
            top.merged += [(value, None)] if merges else []
        elif top.merged and top.merged[-1] == (top.key, None):
            top.merged[-1], top.key = (top.key, value), None
        else:
            top.value[top.key], top.key = value, None

    def _merge(self, event: Any, one: _Open, value: Any) -> None:
        """Add the keys of other mappings that a mapping has not itself (``<<: *name``)."""
        assert isinstance(one.value, dict)
        for other in value if isinstance(value, list) else [value]:
            if not isinstance(other, dict):
                raise self._refuse(event, "merges what is no mapping", line=one.line)
            one.value.update({key: below for key, below in other.items() if key not in one.value})

    def _name_value(self, name: str | None, anchor: _Anchor | None) -> None:
        if name is not None:
            self._anchors[name] = anchor

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and not _TAGS.fullmatch(event.tag):
            raise self._refuse(event, f"has the tag {event.tag[:_SHOWN]!r}")

    def _refuse(self, event: Any, problem: str, *, line: int | None = None) -> InputError:
        number = (event.start_mark.line if line is None else line) + 1
        return InputError(f"{self._name}: line {number}", problem, self._hint)


def write_yaml(document: object, *, subject: str) -> str:
    """Write a document of mappings, lists, text and numbers; keys stay in their order.

    Text that any reader of YAML 1.1 or 1.2 could take for something else is quoted.

    Args:
        document: what is written.
        subject: what needs it, for the message if the extra is not installed.

    Raises:
        InputError: the extra is not installed.
    """
    try:
        import yaml
    except ImportError:
        raise tell_extra(subject) from None

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
            super().increase_indent(flow, indentless=False)

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        is_plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')

    Dumper.add_representer(str, represent_text)
    written: str = yaml.dump(
        document, Dumper=Dumper, sort_keys=False, default_flow_style=False, width=1 << 20
    )
    return written
