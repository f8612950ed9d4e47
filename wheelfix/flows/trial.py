"""Imports every module of an environment, and explains what fails: ``wheelfix try``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.index.driver import RUN_PATH
from wheelfix.index.table import SonameTable
from wheelfix.scan.target import find_target
from wheelfix.trial.explained import make_explain
from wheelfix.trial.imports import import_modules
from wheelfix.trial.judge import judge, plan_remedies
from wheelfix.trial.model import Attempt, Stage, Trial
from wheelfix.trial.plan import plan_attempts
from wheelfix.trial.read import find_base, find_libraries, find_linked, find_projects, tell_strange
from wheelfix.trial.stage import open_stage
from wheelfix.wheel.environment import read_environment
from wheelfix.wheel.tree import OWN

Announce = Callable[[Sequence[Attempt], Stage], object]


def try_environment(
    text: str,
    *,
    index: SonameTable,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    prefer: Sequence[str] = (),
    announce: Announce | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Trial:
    """Import the modules of an environment where there is nothing else, and explain what fails.

    This runs the code of the packages.

    Args:
        text: a virtual environment.
        index: the index for attributes.
        only: patterns of names of distributions; none chooses all.
        exclude: patterns of names of distributions that are left out.
        prefer: attributes that win if several provide a library, strongest first.
        announce: called before anything runs, with what is imported, and where.
        progress: called with the numbers of modules done and in all.

    Raises:
        InputError: it is no environment, or a pattern matches nothing.
        ApplyError: its interpreter does not start.
        IndexProblem: the index is damaged.
    """
    target = find_target(text, "try")
    assert target.path
    environment = read_environment(target.path, ELF_MAGIC, follow_editable=True)
    base = find_base(environment)
    linked = find_linked(environment)
    attempts, left = plan_attempts(environment, base.version, linked=linked, only=only, exclude=exclude)
    projects, apart = find_projects(environment)
    libraries, strange = find_libraries(environment)
    with open_stage(environment, base, os.environ, (*projects, *libraries)) as (stage, told):
        if announce:
            announce(attempts, stage)
        answers = import_modules(attempts, stage, progress=progress)
    isolated, driver = stage.namespace is not None, os.path.isdir(RUN_PATH)  # noqa: PTH112
    explain = make_explain(target, environment, base, index=index, prefer=prefer, host=not isolated)
    named = {one.distribution.name: one.distribution for one in environment.distributions if one.distribution}
    site = str(environment.site)
    tried = judge(attempts, answers, distributions=named, site=site, explain=explain, driver=driver)
    patched = (environment.root / OWN).is_dir()
    return Trial(
        environment=text,
        python=base.version,
        isolated=isolated,
        borrowed=stage.borrowed,
        tried=tried,
        below=sum(len(attempt.modules) for attempt in attempts) - len(tried),
        now=tuple(plan_remedies(text, tried, patched=patched, driver=driver)),
        findings=(*environment.findings, *told, *apart, *tell_strange(strange), *left),
    )
