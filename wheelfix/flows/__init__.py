"""What wheelfix does, one short function per command. Start reading here.

Read, model, resolve, render: every flow goes that way once, from left to right. What only one command needs
is imported where it is used: asking for one soname should not wait for what reads wheels or builds tables.

========  ==========================================================================
scan      what wheels, environments and requirements need, and who provides each
locate    who provides some sonames, who has some files
index     where these answers come from: build, fetch, install
========  ==========================================================================
"""

from wheelfix.flows.index import build_database, build_index, fetch_index, install_index
from wheelfix.flows.locate import OPEN_CLASSES, locate, locate_files
from wheelfix.flows.scan import ScanOptions, explain_target, scan_directory, scan_target, scan_wheel
from wheelfix.index.sources import find_sources, open_index

__all__ = [
    "OPEN_CLASSES",
    "ScanOptions",
    "build_database",
    "build_index",
    "explain_target",
    "fetch_index",
    "find_sources",
    "install_index",
    "locate",
    "locate_files",
    "open_index",
    "scan_directory",
    "scan_target",
    "scan_wheel",
]
