"""A package index for every test that asks for one."""

from __future__ import annotations

from tests.support.packageindex import either_index, index

__all__ = ["either_index", "index"]
