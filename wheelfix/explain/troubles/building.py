"""Messages of failed builds: what a source distribution lacks."""

from __future__ import annotations

from collections.abc import Mapping

from wheelfix.explain.model import SymptomKind
from wheelfix.explain.troubles.common import Explain
from wheelfix.explain.wording import Wording

WORDINGS: tuple[Wording, ...] = ()

EXPLAIN: Mapping[SymptomKind, Explain] = {}
