"""Versioned JSON: ``wheelfix.scan/2``, described by ``schema/scan-2.json`` in this package."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from wheelfix.model.base import asdict, to_builtins
from wheelfix.model.causes import Cause
from wheelfix.model.elf import ElfObject
from wheelfix.model.index import IndexInfo, Provider
from wheelfix.model.scan import FileHit, IndexSource, Located, Need, NeedTrace, Opening, WheelScan
from wheelfix.scan.words import say_cause, say_located, say_question, say_step

SCAN_SCHEMA = "wheelfix.scan/2"
LOCATE_SCHEMA = "wheelfix.locate/1"
TRACE_SCHEMA = "wheelfix.trace/1"


def load_schema(name: str) -> dict[str, Any]:
    """Load a JSON schema of the package.

    Args:
        name: as documents name it in ``schema`` (``wheelfix.scan/2``).
    """
    kind, _, version = name.removeprefix("wheelfix.").partition("/")
    text = (resources.files("wheelfix.report") / "schema" / f"{kind}-{version}.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def render_scans(scans: Sequence[WheelScan]) -> str:
    """Render one document for one scan, a list of documents for several."""
    documents = [document_scan(scan) for scan in scans]
    return json.dumps(documents[0] if len(documents) == 1 else documents, indent=2, ensure_ascii=True) + "\n"


def document_scan(scan: WheelScan) -> dict[str, Any]:
    """Build the ``wheelfix.scan/2`` document of a scan.

    Lists are sorted, save run paths (search order), providers (best first) and the names of an opening (as
    they are tried).
    """
    return {
        "schema": SCAN_SCHEMA,
        "target": scan.target,
        "name": scan.name,
        "version": scan.version,
        "tags": sorted(scan.tags),
        "requires_dist": sorted(scan.requires_dist),
        "index": _document_index(scan.index),
        "machine": scan.machine,
        "objects": [_document_object(obj) for obj in sorted(scan.objects, key=lambda o: o.path)],
        "needs": [document_need(need) for need in sorted(scan.needs, key=lambda n: (n.soname, n.machine))],
        "openings": [document_opening(opening) for opening in scan.openings],
        "build_inputs": sorted(scan.build_inputs),
        "baseline_inputs": sorted(scan.baseline_inputs),
        "ignore_missing": sorted(scan.ignore_missing),
        "findings": [
            {"level": f.level.value, "subject": f.subject, "message": f.message} for f in scan.findings
        ],
    }


def render_traces(traces: Sequence[NeedTrace]) -> str:
    """Render a list of ``wheelfix.trace/1`` documents: the steps to a need's class, in order."""
    documents = [
        {
            "schema": TRACE_SCHEMA,
            "target": e.target,
            "need": document_need(e.need),
            "steps": [
                {
                    "question": say_question(s.question, e.need.machine),
                    "answer": say_step(s),
                    "class": s.need_class.value if s.need_class else None,
                    "cause": document_cause(s.cause),
                    "evidence": list(s.evidence),
                }
                for s in e.steps
            ],
        }
        for e in traces
    ]
    return json.dumps(documents, indent=2) + "\n"


def render_located(results: Sequence[Located], info: IndexInfo) -> str:
    """Render the ``wheelfix.locate/1`` document: one result per soname, in the order asked."""
    document = {
        "schema": LOCATE_SCHEMA,
        "index": _document_index(info),
        "results": [
            {
                "soname": r.soname,
                "class": r.need_class.value,
                "note": say_located(r),
                "providers": [
                    {**_document_provider(p), "version": p.version, "score": p.score, "why": list(p.why)}
                    for p in r.providers
                ],
                "nearest": list(r.nearest),
            }
            for r in results
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def render_hits(hits: Sequence[FileHit]) -> str:
    """Render files of a database as a list."""
    return json.dumps([asdict(hit) for hit in hits], indent=2) + "\n"


def render_sources(sources: Sequence[IndexSource]) -> str:
    """Render the indexes that there are as a list."""
    return json.dumps([asdict(source) for source in sources], indent=2) + "\n"


def document_cause(cause: Cause) -> dict[str, Any]:
    """Build the JSON of a cause: its kind, and its fields."""
    document: dict[str, Any] = to_builtins(cause)
    return document


def _document_index(info: IndexInfo) -> dict[str, Any]:
    return {"source": info.source, "system": info.system, "date": info.date}


def _document_object(obj: ElfObject) -> dict[str, Any]:
    return {
        "path": obj.path,
        "machine": obj.machine,
        "soname": obj.soname,
        "needed": sorted(obj.needed),
        "rpath": list(obj.rpath),
        "runpath": list(obj.runpath),
        "interpreter": obj.interpreter,
        "versions": {v.soname: sorted(v.versions) for v in obj.versions},
    }


def document_need(need: Need) -> dict[str, Any]:
    """Build the JSON of a need, as ``wheelfix.scan`` and ``wheelfix.lock`` have it."""
    return {
        "soname": need.soname,
        "machine": need.machine,
        "class": need.need_class.value,
        "wanted_by": sorted(need.wanted_by),
        "distribution": need.distribution,
        "reason": say_cause(need.cause),
        "cause": document_cause(need.cause),
        "providers": [_document_provider(p) for p in need.providers],
        "versions": sorted(need.versions),
        "optional": need.optional,
    }


def document_opening(opening: Opening) -> dict[str, Any]:
    """Build the JSON of an opening, as ``wheelfix.scan`` and ``wheelfix.lock`` have it."""
    note = opening.note
    return {
        "file": opening.file,
        "line": opening.line,
        "kind": opening.kind.value,
        "names": list(opening.names),
        "optional": opening.optional,
        "class": opening.need_class.value if opening.need_class else None,
        "distribution": opening.distribution,
        "providers": [_document_provider(p) for p in opening.providers],
        "form": opening.form.value,
        "note": note
        and {"feature": note.feature, "description": note.description, "priority": note.priority},
    }


def _document_provider(provider: Provider) -> dict[str, Any]:
    return {
        "attr": provider.attr,
        "output": provider.output,
        "path": provider.path,
        "store_path": provider.store_path,
    }
