"""Hold the Nix code that wheelfix writes against the real nixpkgs, uv2nix, pyproject.nix and auto-patchelf.

    python -m benchmarks.real --nixpkgs PATH --uv2nix PATH --pyproject-nix PATH --nix PROGRAM TARGET...

TARGET is a wheel, a directory of wheels, a requirement that is fetched, or a directory of golden files
(``tests/golden/numba-0.68.1``), whose wheel is fetched, and whose files are taken as they are. For each:

1. the overlays for uv2nix and pyproject.nix are applied to a real package set, made of a lock with the wheel
   and what it requires, and the package is evaluated with an empty configuration;
2. the package for nixpkgs is evaluated by ``callPackage``;
3. nixpkgs' auto-patchelf searches the unpacked wheel with what the hook would give it. Each input, ignored
   name and search path that was written is then left out once: what nothing misses is superfluous.

With ``--attributes`` every first answer of the index is evaluated, too. Exit code 1 if something is false:
code that does not evaluate, and does not say at its head what it needs; a library that is not found; an input
or an ignored name that nothing in the wheel asks for. See docs/nix-contract.md.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.real.attributes import Libraries, evaluate_attributes, find_best, find_false
from benchmarks.real.cases import Case, list_files, make_case, read_head
from benchmarks.real.evaluate import ALLOWED, Answer, Parts, ask
from benchmarks.real.patching import AutoPatchelf, Machine, Run, Store, place, unpack
from wheelfix.index.choice import open_index
from wheelfix.index.table import SonameTable
from wheelfix.model.classes import NeedClass
from wheelfix.model.override import Dialect
from wheelfix.outside.places import find_cache
from wheelfix.scan.requirement import fetch_named

OVERLAYS = (Dialect.UV2NIX, Dialect.PYPROJECT_NIX)
ANNOUNCED = {
    "unfree": re.compile(r"allowUnfree|unfree", re.IGNORECASE),
    "everything": re.compile(r"permittedInsecure|insecure|broken|unsupported", re.IGNORECASE),
}
HOOKED = ("autoPatchelfIgnoreMissingDeps", "appendRunpaths", "runtimeDependencies", "patchelfFlags")
NUMBERS = {
    "x86_64": 62,
    "aarch64": 183,
    "i686": 3,
    "armv7l": 40,
    "powerpc64le": 21,
    "s390x": 22,
    "riscv64": 243,
}
"""e_machine by the machine of a Nix system."""
_SEARCH = re.compile(r"^\s*addAutoPatchelfSearchPath .*$", re.MULTILINE)


@dataclass(kw_only=True)
class Row:
    """What was found of one wheel.

    Attributes:
        evaluated: by dialect: ``ok``, ``ok: unfree, said``, or what is false.
        missing: by dialect: what auto-patchelf did not find.
        superfluous: by dialect: what was written and is not needed.
        wanted: how many libraries auto-patchelf looked for.
    """

    wheel: str
    note: str = ""
    evaluated: dict[str, str] = field(default_factory=dict)
    missing: dict[str, dict[str, str]] = field(default_factory=dict)
    superfluous: dict[str, list[str]] = field(default_factory=dict)
    wanted: int = 0

    @property
    def false(self) -> list[str]:
        """Everything that is false, one clause each."""
        said = [f"{d}: {text}" for d, text in self.evaluated.items() if not text.startswith(("ok", "-"))]
        said += [f"{d}: not found: {n}, for {f}" for d, m in self.missing.items() for n, f in m.items()]
        said += [f"{d}: {s}" for d, several in self.superfluous.items() for s in several if "unused" in s]
        return said


def evaluate_cases(parts: Parts, cases: Sequence[Case]) -> dict[tuple[Path, str], tuple[str, Answer, str]]:
    """Evaluate all code, with more allowed where it fails.

    Returns:
        By wheel and dialect: what was allowed, the answer, and what Nix said with less allowed.
    """
    found: dict[tuple[Path, str], tuple[str, Answer, str]] = {}
    empty = parts.work / "empty.nix"
    empty.write_text("{ ... }: final: prev: { }\n")
    left = [(case, dialect) for case in cases if not case.musl for dialect in case.codes]
    for allow in ALLOWED:
        systems = sorted({case.system for case, _ in left})
        for system in systems:
            mine = [(case, dialect) for case, dialect in left if case.system == system]
            answers = ask(parts, "Cases", [c.ask(d) for c, d in mine], system=system, allow=allow)
            for (case, dialect), answer in zip(mine, answers, strict=True):
                before = found.get((case.wheel, dialect))
                found[case.wheel, dialect] = (allow, answer, before[1].error if before else "")
        left = [(c, d) for c, d in left if found[c.wheel, d][1].failed]
        if allow == "nothing":
            left = [(c, d) for c, d in left if d not in OVERLAYS or _has_base(parts, c, d, empty, found)]
    return found


def _has_base(parts: Parts, case: Case, dialect: str, empty: Path, found: dict[Any, Any]) -> bool:
    """Whether the package evaluates without the code; what fails without it is no matter of the code."""
    asked = case.ask(dialect) | {"code": str(empty)}
    (answer,) = ask(parts, "Cases", [asked], system=case.system, allow="nothing")
    if answer.failed:
        found[case.wheel, dialect] = ("", answer, "")
    return not answer.failed


def judge(case: Case, dialect: str, allow: str, answer: Answer, error: str) -> str:
    """Say what an evaluation shows."""
    head = read_head(case.codes[dialect])
    if not allow:
        return f"- the set itself does not evaluate: {answer.error}"
    if answer.failed:
        return f"does not evaluate: {answer.error}"
    if missing := answer.value.get("missing"):
        left = [name for name in missing if not tells(head, name)]
        return f"not said: {', '.join(left)} missing" if left else f"ok: {', '.join(missing)} missing, said"
    foreign = [name for name in answer.value.get("foreign", ()) if not tells(head, name)]
    if foreign:
        return f"false: {', '.join(foreign)}: no Python package, and taken for one"
    if allow == "nothing":
        return "ok"
    said = bool(ANNOUNCED[allow].search(head))
    return f"ok: {allow}, said" if said else f"not said: evaluates with {allow} allowed: {error}"


def tells(head: str, name: str) -> bool:
    """Whether comments name a package, as a word of its own."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", head) is not None


@dataclass(kw_only=True)
class Patcher:
    """Runs auto-patchelf for cases."""

    program: AutoPatchelf
    libraries: Libraries
    libc: set[str]
    work: Path

    def check(self, case: Case, dialect: str, answer: dict[str, Any], row: Row) -> None:
        """Search once with everything, then without one thing after the other."""
        derivation, before = answer["after"], answer.get("before")
        site = f"lib/python{case.python}/site-packages"
        with tempfile.TemporaryDirectory(dir=self.work) as temporary:
            work = Path(temporary)
            store_path = work / "store"
            out = Path(derivation["path"].replace("/nix/store", str(store_path)))
            machines = unpack(case.wheel, out, site)
            machine = choose_machine(machines, case.system)
            if machine is None:
                row.note = row.note or "no ELF file for the system"
                return
            store = Store(store_path, machine, self.libraries.find_files)
            search = _Search(self.program, store, work, out, derivation, before, self.libc)
            code = derivation["variables"]["preFixup"] or ""
            self._add_siblings(case, answer, store, code, site)
            found = search.run()
            row.wanted = max(row.wanted, found.wanted)
            # nixpkgs' own build of a dependency has files that no index lists.
            unseen = list_siblings(case) if dialect == Dialect.NIXPKGS else set()
            if unchecked := sorted(unseen & set(found.missing)):
                row.note += f" {dialect}: not checked: {', '.join(unchecked)}"
                found = replace(found, missing={k: v for k, v in found.missing.items() if k not in unseen})
            if found.missing:
                row.missing[dialect] = {
                    name: str(Path(file).relative_to(out)) for name, file in found.missing.items()
                }
            elif before is not None:
                row.superfluous[dialect] = search.find_superfluous(found, self.libraries)
            self.program.forget()

    def _add_siblings(self, case: Case, answer: dict[str, Any], store: Store, code: str, site: str) -> None:
        for name, path in answer.get("distributions", {}).items():
            if path in code:
                members = list_files(
                    name, case.packages[name]["version"], case.python, case.system, self.work / "members"
                )
                store.make(path, [place(m, site) for m in members if ".so" in m])


class _Search:
    """The searches of one derivation."""

    def __init__(
        self,
        program: AutoPatchelf,
        store: Store,
        work: Path,
        out: Path,
        derivation: dict[str, Any],
        before: dict[str, Any] | None,
        libc: Iterable[str],
    ) -> None:
        self.program, self.store, self.work, self.out = program, store, work, out
        self.derivation, self.before = derivation, before
        self.variables = {name: derivation["variables"][name] for name in HOOKED}
        self.variables["appendRunpaths"] = [
            store.move(one) for one in _list(self.variables["appendRunpaths"])
        ]
        self.code = derivation["variables"]["preFixup"] or ""
        self.strict = derivation["strict"]
        self.interpreter = store.make(f"/nix/store/{'0' * 32}-ld", ["ld.so"]) / "ld.so"
        self.libc = store.make(f"/nix/store/{'0' * 32}-libc", [f"lib/{name}" for name in libc])

    def run(self, *, without: str = "", ignored: Sequence[str] | None = None, code: str | None = None) -> Run:
        """Search, without one input, with another list of ignored names, or with other code."""
        variables = dict(self.variables)
        if ignored is not None:
            variables["autoPatchelfIgnoreMissingDeps"] = list(ignored)
        arguments = self.program.list_arguments(
            self.work,
            self.out,
            [str(self.store.make(path)) for path in self._list_libraries(without)],
            variables,
            self.store.move(self.code if code is None else code),
        )
        return self.program.run(self.interpreter, self.libc, arguments)

    def find_superfluous(self, full: Run, libraries: Libraries) -> list[str]:
        """Everything that was written, and that nothing misses."""
        assert self.before is not None
        found = []
        there = {one["path"] for one in self.before["inputs"]}
        for one in self.derivation["inputs"]:
            if one["path"] in there or self.run(without=one["path"]).missing:
                continue
            places = [r["path"] for r in one["reached"]]
            found.append(f"input {libraries.name(one['path'])}: {self._say(places, full)}")
        names = _list(self.variables["autoPatchelfIgnoreMissingDeps"])
        for name in names[len(_list(self.before["variables"]["autoPatchelfIgnoreMissingDeps"])) :]:
            left = [other for other in names if other != name]
            if not self.run(ignored=left).missing:
                found.append(f"ignored {name}: {'twice' if name in full.ignored else 'unused'}")
        for line in _SEARCH.finditer(self.code):
            code = self.code[: line.start()] + self.code[line.end() :]
            if not self.run(code=code).missing:
                where = line[0].split(None, 1)[1]
                found.append(f"search {where.removeprefix('/nix/store/')[33:]}: {self._say([where], full)}")
        return found

    def _say(self, places: Iterable[str], full: Run) -> str:
        moved = tuple(f"{self.store.move(place)}/" for place in places)
        used = any(f"{directory}/".startswith(moved) for directory in full.used)
        return "reached without it, too" if used else "unused"

    def _list_libraries(self, without: str) -> list[str]:
        """Store paths whose ``lib`` the hook searches; strict: those that are for the host alone."""
        reached = [
            one
            for top in (*self.derivation["native"], *self.derivation["inputs"])
            if top["path"] != without
            for one in top["reached"]
        ]
        return list(dict.fromkeys(r["path"] for r in reached if r["host"] == 0 or not self.strict))


def _list(value: Any) -> list[str]:
    if not value:
        return []
    return value.split() if isinstance(value, str) else [str(one) for one in value]


def list_siblings(case: Case) -> set[str]:
    """Sonames that other distributions bring."""
    needs = case.scan.needs if case.scan else ()
    return {need.soname for need in needs if need.need_class is NeedClass.SIBLING}


def choose_machine(machines: Iterable[Machine], system: str) -> Machine | None:
    """The machine of a wheel's ELF files that is the system's."""
    numbers = {
        "x86_64": 62,
        "aarch64": 183,
        "i686": 3,
        "armv7l": 40,
        "powerpc64le": 21,
        "s390x": 22,
        "riscv64": 243,
    }
    number = numbers[system.partition("-")[0]]
    return next((m for m in machines if m.number == number), None)


def find_wheels(target: str) -> list[tuple[Path, dict[str, Path] | None]]:
    """Wheels that a target names, each with golden files or None."""
    path = Path(target)
    if path.is_dir() and (golden := sorted(path.glob("*.nix"))):
        (fetched,) = fetch_named("==".join(path.name.rsplit("-", 1)), find_cache())
        known = {str(d): path / f"{d.value}.nix" for d in (*OVERLAYS, Dialect.NIXPKGS)}
        return [(fetched.path, {d: file for d, file in known.items() if file in golden})]
    if path.is_dir():
        return [(wheel, None) for wheel in sorted(path.glob("*.whl"), key=lambda w: w.stat().st_size)]
    if path.is_file():
        return [(path, None)]
    return [(one.path, None) for one in fetch_named(target, find_cache())]


def list_libc(table: SonameTable) -> set[str]:
    """File names of glibc, and its loaders for other machines, which an index for one system lacks."""
    names = {
        name
        for name in table.find_names("*")
        if any(p.attr == "glibc" and p.output == "out" for p in table.find_all(name))
    }
    return names | {
        "ld-linux-aarch64.so.1",
        "ld-linux-armhf.so.3",
        "ld-linux-riscv64-lp64d.so.1",
        "ld-linux.so.2",
        "ld64.so.1",
        "ld64.so.2",
    }


def check_wheels(
    parts: Parts, wheels: Sequence[tuple[Path, dict[str, Path] | None]], table: SonameTable, patcher: Patcher
) -> list[Row]:
    """Check some wheels."""
    rows, cases = {}, []
    for wheel, codes in wheels:
        rows[wheel] = row = Row(wheel=wheel.name)
        try:
            case = make_case(wheel, table, parts.work, codes)
        except Exception as error:  # the checker goes on with the next wheel
            row.note = f"could not be read: {error}"
            traceback.print_exc()
            continue
        cases.append(case)
        for need in case.scan.needs if case.scan else ():
            patcher.libraries.add(need.providers)
        row.evaluated |= {dialect: f"wheelfix: {said}" for dialect, said in case.refused.items()}
        row.note = case.note
        if case.musl:
            row.note = "for musl: a set with glibc never takes it"
    answers = evaluate_cases(parts, cases)
    for case in cases:
        row = rows[case.wheel]
        for dialect in case.codes:
            if (case.wheel, dialect) not in answers:
                continue
            allow, answer, said = answers[case.wheel, dialect]
            row.evaluated[dialect] = judge(case, dialect, allow, answer, said)
            if answer.failed or "after" not in answer.value:
                continue
            try:
                patcher.check(case, dialect, answer.value, row)
            except Exception as error:  # the checker goes on with the next wheel
                row.missing[dialect] = {f"checker: {type(error).__name__}: {error}": "."}
                traceback.print_exc()
    return list(rows.values())


def print_row(row: Row) -> None:
    """Print one line, and below it what is false."""
    columns = [row.evaluated.get(d, "-").partition(":")[0][:18] for d in (*OVERLAYS, Dialect.NIXPKGS)]
    found = (
        "-"
        if not row.wanted
        else "all"
        if not row.missing
        else f"{max(map(len, row.missing.values()))} missing"
    )
    extra = max((len(several) for several in row.superfluous.values()), default=0)
    print(f"{row.wheel[:60]:60} {' '.join(f'{c:18}' for c in columns)} {found:10} {extra or '-'} {row.note}")
    for said in row.false:
        print(f"    {said[:240]}")
    for dialect, several in row.superfluous.items():
        for said in several:
            if "unused" not in said:
                print(f"    ({dialect}: {said})")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("nixpkgs", "uv2nix", "pyproject-nix"):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="PATH")
    parser.add_argument("--nix", default="nix-instantiate", metavar="PROGRAM")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep files there, and what was evaluated")
    parser.add_argument("--attributes", action="store_true", help="evaluate first answers of the index, too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found, to compare later")
    parser.add_argument("--chunk", type=int, default=20, help="wheels that are evaluated together")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    work = (options.work or Path(tempfile.mkdtemp())).resolve()
    work.mkdir(parents=True, exist_ok=True)
    parts = Parts(
        nix=options.nix,
        nixpkgs=options.nixpkgs.resolve(),
        pyproject_nix=options.pyproject_nix.resolve(),
        uv2nix=options.uv2nix.resolve(),
        work=work,
    )
    table = open_index()
    best = find_best(table)
    known = evaluate_attributes(parts, table, best, work / "attributes.json")
    patcher = Patcher(
        program=AutoPatchelf(parts.nixpkgs),
        libraries=Libraries(table, known),
        libc=list_libc(table),
        work=work,
    )
    wheels = [wheel for target in options.targets for wheel in find_wheels(target)]
    rows: list[Row] = []
    document: dict[str, Any] = {"wheels": {}}
    for start in range(0, len(wheels), options.chunk):
        for row in check_wheels(parts, wheels[start : start + options.chunk], table, patcher):
            print_row(row)
            rows.append(row)
            document["wheels"][row.wheel] = {**vars(row), "false": row.false}
        write_document(options.json, document)
    false = sum(bool(row.false) for row in rows)
    print(f"{len(rows)} wheels, {false} with something false; {dict(count(rows))}")
    if options.attributes:
        document["attributes"] = answers = find_false(table, best, known)
        for attr, about in answers.items():
            print(f"{attr}: {len(about['sonames'])} sonames: {about['error'][:100]}")
        sonames = sum(len(about["sonames"]) for about in answers.values())
        print(f"first answers: {len(best)} attributes, {len(answers)} do not evaluate ({sonames} sonames)")
        false += len(answers)
    write_document(options.json, document)
    if not options.work:
        shutil.rmtree(work)
    return 1 if false else 0


def write_document(path: Path | None, document: dict[str, Any]) -> None:
    """Write what was found so far, to be compared with later."""
    if path:
        path.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")


def count(rows: Iterable[Row]) -> Counter[str]:
    """Count the kinds of what was found."""
    kinds = Counter[str]()
    for row in rows:
        kinds.update(f"{d}: {text.partition(':')[0]}" for d, text in row.evaluated.items())
        kinds.update(f"{d}: not found" for d in row.missing)
        for several in row.superfluous.values():
            kinds.update(said.rpartition(": ")[2] for said in several)
    return kinds


if __name__ == "__main__":
    sys.exit(main())
