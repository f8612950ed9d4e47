"""Releases that have an older major of a library."""

from __future__ import annotations

from wheelfix.index.bounds import Bounds, find_bound
from wheelfix.index.siblings import find_distributions
from wheelfix.model.tables import load_table


def test_a_bound() -> None:
    bound = find_bound("nvidia-cudnn-cu12", "libcudnn_ops_infer.so.8")
    assert bound is not None
    assert bound.below == "9"


def test_the_newest_release_has_it() -> None:
    assert find_bound("nvidia-cudnn-cu12", "libcudnn_graph.so.9") is None
    assert find_bound("numpy", "libcudnn.so.8") is None


def test_bounds_are_of_distributions_that_carry_the_library() -> None:
    for distribution, rows in load_table(Bounds).bounds.items():
        for pattern in rows:
            carriers = {one.distribution for one in find_distributions(pattern.replace("*", ""))}
            assert distribution in carriers, pattern
