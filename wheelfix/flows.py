"""What wheelfix does, one short function per command. Start reading here.

Read, model, resolve, render: every flow goes that way once, from left to right.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from wheelfix.elf.parallel import Source, read_elf_files
from wheelfix.elf.reader import ELF_MAGIC
from wheelfix.index.baseline import find_baseline
from wheelfix.index.facts import find_facts, find_fillers
from wheelfix.index.sources import open_index
from wheelfix.index.table import SonameTable
from wheelfix.model.scan import WheelScan
from wheelfix.resolve.conclude import collect_build_inputs, collect_ignored, find_findings, find_machine
from wheelfix.resolve.needs import classify, find_wants
from wheelfix.wheel.archive import find_elf_members, iter_chunks, open_archive, read_distribution

Progress = Callable[[int, int], None]
"""Called with bytes done and bytes in all; from any thread."""


def scan_wheel(
    path: Path | str,
    *,
    index: SonameTable | None = None,
    prefer: Sequence[str] = (),
    progress: Progress | None = None,
) -> WheelScan:
    """Find what shared libraries a wheel needs, and who provides each.

    The wheel is read as a stream; nothing is extracted, executed or written.

    Args:
        path: a wheel file.
        index: where nixpkgs attributes are looked up; None opens the best index there is, see
            :func:`wheelfix.open_index`.
        prefer: attributes that win where several provide a library, strongest first.
        progress: told about the bytes read.

    Returns:
        The classified needs and what follows from them.

    Raises:
        InputError: the file is missing, no wheel, damaged or hostile.
        IndexProblem: no index can be used.

    Example:
        >>> scan = wheelfix.scan_wheel("numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.whl")
        >>> scan.build_inputs
        ('onetbb', 'stdenv.cc.cc.lib')
    """
    table = index or open_index()
    with open_archive(Path(path)) as archive:
        wheel = read_distribution(archive)
        members = find_elf_members(archive, ELF_MAGIC)
        sources = [Source(path=m.path, chunks=partial(iter_chunks, archive, m), size=m.size) for m in members]
        objects = read_elf_files(sources, on_bytes=_count_up(progress, sum(m.size for m in members)))
    machine = find_machine(wheel, objects, default=table.info.system.partition("-")[0])
    wants = find_wants(objects)
    facts = find_facts(table, [(want.soname, want.machine) for want in wants])
    fillers = find_fillers({directory for want in wants for directory in want.directories})
    needs = classify(wheel, wants, facts, fillers, prefer=prefer)
    build_inputs = collect_build_inputs(needs, machine)
    return WheelScan(
        target=wheel.target,
        name=wheel.name,
        version=wheel.version,
        tags=wheel.tags,
        requires_dist=tuple(sorted(r.text for r in wheel.requires)),
        index=table.info,
        machine=machine,
        objects=objects,
        needs=needs,
        dlopen=(),
        build_inputs=build_inputs,
        baseline_inputs=tuple(sorted(find_baseline(wheel.tags).intersection(build_inputs))),
        ignore_missing=collect_ignored(needs, machine),
        findings=find_findings(wheel, objects, needs, machine),
    )


def _count_up(progress: Progress | None, total: int) -> Callable[[int], None] | None:
    if progress is None:
        return None
    done = 0

    def add(size: int) -> None:
        nonlocal done
        done = min(total, done + size)
        progress(done, total)

    return add
