"""Runs one target in this process; ``python -m fuzz`` starts one of these for each.

Two engines: ``random`` changes seeds without looking at what happens, and runs many inputs a second;
``atheris`` is guided by coverage (libFuzzer), and finds the deep ones. Both report to a file, for libFuzzer
never returns.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_INSTRUMENTED = ["wheelfix", "packaging", "zipfile", "csv", "email"]
_MOMENT = 1.0
_MAX_ADDRESS_SPACE = 4 << 30
_DRAW = 512


def main(name: str, engine: str, seconds: float, inputs: int, seed: int, report: Path, crashes: Path) -> None:
    """Run a target until the time or the number of inputs is reached.

    Args:
        name: of the target.
        engine: ``random`` or ``atheris``.
        seconds: of wall-clock time.
        inputs: the most inputs; 0 for no limit.
        seed: of the random numbers.
        report: file for the counts.
        crashes: directory for inputs that break something.
    """
    soft = (_MAX_ADDRESS_SPACE, _MAX_ADDRESS_SPACE)
    if engine == "atheris":
        import atheris  # only where it is installed: it has no wheel for every Python

        with atheris.instrument_imports(include=_INSTRUMENTED):
            _run(
                name,
                lambda run, tools: _guide(atheris, run, tools, report),
                seconds,
                inputs,
                seed,
                report,
                crashes,
            )
    else:
        resource.setrlimit(resource.RLIMIT_AS, soft)
        _run(name, _draw, seconds, inputs, seed, report, crashes)


Tools = dict[str, Any]


def _run(
    name: str,
    engine: Callable[[Callable[[bytes], None], Tools], None],
    seconds: float,
    inputs: int,
    seed: int,
    report: Path,
    crashes: Path,
) -> None:
    from fuzz.targets import find_targets
    from fuzz.watch import Watch, peak_memory

    target = find_targets()[name]
    corpus = [data[: target.max_size] for data in target.seeds()]
    watch = Watch(target=target, directory=crashes)
    start = last = time.monotonic()
    watch.arm()

    def tell() -> None:
        document = {
            "target": name,
            "inputs": watch.inputs,
            "seconds": round(time.monotonic() - start, 2),
            "seeds": len(corpus),
            "slowest": round(watch.slowest, 3),
            "peak_mb": peak_memory() >> 10,
            "refused": dict(watch.refused),
            "crashes": watch.crashes,
        }
        report.write_text(json.dumps(document))

    def run(data: bytes) -> None:
        nonlocal last
        watch.run(data)
        now = time.monotonic()
        if now - last > _MOMENT:
            last = now
            tell()

    for data in corpus:
        run(data)
    engine(
        run,
        {
            "target": target,
            "corpus": corpus,
            "until": start + seconds,
            "inputs": inputs,
            "seed": seed,
            "watch": watch,
        },
    )
    tell()


def _draw(run: Callable[[bytes], None], tools: Tools) -> None:
    from fuzz.mutate import mutate

    target, corpus, watch = tools["target"], tools["corpus"], tools["watch"]
    rng = random.Random(tools["seed"])
    while time.monotonic() < tools["until"] and (not tools["inputs"] or watch.inputs < tools["inputs"]):
        seed = rng.choice(corpus)
        for _ in range(64):
            run(mutate(seed, corpus, target.tokens, rng, limit=target.max_size))


def _guide(atheris: Any, run: Callable[[bytes], None], tools: Tools, report: Path) -> None:
    target = tools["target"]
    place = report.with_suffix(".corpus")
    place.mkdir(exist_ok=True)
    for number, data in enumerate(tools["corpus"][:_DRAW]):
        (place / f"seed-{number}").write_bytes(data)
    words = report.with_suffix(".dict")
    escaped = ("".join(f"\\x{byte:02x}" for byte in token) for token in target.tokens)
    words.write_text("".join(f'"{token}"\n' for token in escaped))
    left = max(1, int(tools["until"] - time.monotonic()))
    arguments = [
        sys.argv[0],
        f"-max_total_time={left}",
        f"-max_len={target.max_size}",
        f"-seed={tools['seed'] + 1}",
        "-timeout=60",
        "-rss_limit_mb=2048",
        "-verbosity=0",
        *([f"-runs={tools['inputs']}"] if tools["inputs"] else []),
        *([f"-dict={words}"] if target.tokens else []),
        f"-artifact_prefix={report.parent}/",
        str(place),
    ]
    atheris.Setup(arguments, run)
    atheris.Fuzz()


if __name__ == "__main__":
    _name, _engine, _seconds, _inputs, _seed, _report, _crashes = sys.argv[1:]
    main(_name, _engine, float(_seconds), int(_inputs), int(_seed), Path(_report), Path(_crashes))
