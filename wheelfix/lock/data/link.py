"""Links packages of conda into one prefix, as conda defines it, and fits it to a Nix store.

Written by wheelfix. Usage: link.py JSON. What is asked for is in "mode": "prefix" (an environment), "wheel"
(one wheel, unpacked) or "view" (what one package of a prefix has in site-packages). No code of a package is
run, but for its Python, which compiles modules. The programs zstd and patchelf have to be on PATH.
This file has no backslash, and no two apostrophes in a row: Nix code holds it as it is.
"""

import base64
import bz2
import configparser
import hashlib
import json
import mmap
import os
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, field

BLOCK = 1 << 20
MOST_INFO = 256 << 20  # bytes of a file in info/ that is read
MOST_HEADER = 256 << 10  # bytes of a name in an archive
MOST_PATH = 4096
MOST_MEMBERS = 400000
MOST_UNPACKED = 32 << 30  # bytes of a package
MOST_RATIO, FREE = 500, 256 << 20  # bytes unpacked for each byte packed, besides some that need no reason
STEP = 1 << 16
MOST_TOLD = 20
LONGEST_PATH = 4096
LONGEST_SAID = 600
LONGEST_RUN_PATH = 1 << 16
MOST_NAMES = 10_000  # entries of a dynamic section that are read
NUL, NEWLINE, TAB, BACKSLASH, DOLLAR = bytes(1), chr(10), chr(9), chr(92), chr(36)
QUOTES = 3 * chr(39)
LONGEST_SHEBANG = 254  # of Linux since 5.1; conda and rattler write for older ones, of 127
OLD_PLACEHOLDER = "/opt/" + "".join("anaconda%d" % i for i in (1, 2, 3))
MACHINES = {
    "aarch64": 183,
    "armv7l": 40,
    "i686": 3,
    "powerpc64le": 21,
    "riscv64": 243,
    "s390x": 22,
    "x86_64": 62,
}
SHEBANG = re.compile("(#! *(/(?:" + 2 * BACKSLASH + " |[^ " + NEWLINE + chr(13) + TAB + "])*)(.*))")
ORIGIN = re.compile("[" + DOLLAR + "](?:ORIGIN|[{]ORIGIN[}])")
PYTHON = re.compile("python(?:[0-9]+(?:[.][0-9]+)?)?")
COMMAND = re.compile(
    "[^./" + 2 * BACKSLASH + bytes(1).decode() + "][^/" + 2 * BACKSLASH + bytes(1).decode() + "]*"
)
DOTTED = re.compile("[A-Za-z_][A-Za-z_0-9]*(?:[.][A-Za-z_][A-Za-z_0-9]*)*")


DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What reading an archive raises, besides what we refuse ourselves; RuntimeError where it is encrypted."""


class Refusal(Exception):
    """What cannot be linked, in one line."""

    def __init__(self, subject, problem):
        """Take what it is about, and what is wrong with it."""
        super().__init__("%s: %s" % (show(subject), problem[:LONGEST_SAID]))


def show(text):
    """Make a name fit for one line of a log."""
    return "".join(c if c.isprintable() else "?" for c in text)[:300]


def tell(text):
    """Say something in the log of a build."""
    print("link.py: " + text, file=sys.stderr)


# Archives. Members are spooled under names of our own: no path of a package is one here until it was judged.


@dataclass
class Member:
    """A file of an archive: where its bytes are spooled, or where its link leads."""

    spool: str = ""
    executable: bool = False
    target: str = ""
    directory: bool = False


@dataclass
class Package:
    """A package, with what it says of itself."""

    given: dict
    members: dict
    index: dict
    entries: list
    entry_points: list
    files: list = field(default_factory=list)

    @property
    def name(self):
        """Its name, as conda has it."""
        return self.given["name"]


class Header(tarfile.TarInfo):
    """A header with names of a bearable size and no list of holes; one that cannot be read is no end."""

    @classmethod
    def frombuf(cls, buf, encoding, errors):
        """Read a header."""
        try:
            return super().frombuf(buf, encoding, errors)
        except (tarfile.InvalidHeaderError, tarfile.TruncatedHeaderError):
            raise tarfile.ReadError("has a header that cannot be read") from None

    def _proc_member(self, archive):
        extended = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
        if (
            self.type not in (*tarfile.SUPPORTED_TYPES, *extended)
            or self.type == tarfile.GNUTYPE_SPARSE
            or (self.type not in tarfile.REGULAR_TYPES and self.size > MOST_HEADER)
        ):
            raise tarfile.ReadError("has a header that is no file, directory or link")
        return super()._proc_member(archive)

    def _refuse_holes(self, *_):
        raise tarfile.ReadError("has a file with holes")

    _proc_gnusparse_00 = _proc_gnusparse_01 = _proc_gnusparse_10 = _refuse_holes


class Unpacked:
    """What was packed, as a stream that ends where a bomb would go off."""

    def __init__(self, pieces, packed, owner):
        """Take the pieces, and how many bytes they were packed in."""
        self.pieces, self.owner, self.kept = pieces, owner, b""
        self.left = min(MOST_UNPACKED, FREE + MOST_RATIO * packed)

    def read(self, size):
        """Return the next bytes: at least one, but at the end."""
        if not self.kept:
            self.kept = next(self.pieces, b"")
            self.left -= len(self.kept)
            if self.left < 0:
                raise Refusal(self.owner, "has more in it than such a file can have: a bomb")
        found, self.kept = self.kept[:size], self.kept[size:]
        return found


def unpack_bzip(path, owner):
    """Yield what a .tar.bz2 has, of which every byte has to belong to it."""
    with open(path, "rb") as file:
        data = file.read(STEP)
        while data:
            stream = bz2.BZ2Decompressor()
            while not stream.eof:
                if stream.needs_input and not data:
                    data = file.read(STEP)
                    if not data:
                        raise Refusal(owner, "is damaged: it is cut short")
                piece, data = stream.decompress(data, STEP), b""
                if piece:
                    yield piece
            data = stream.unused_data or file.read(STEP)


def judge_path(path, owner):
    """Return a path without dots in it, or refuse one that does not stay where it belongs."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if len(path) > MOST_PATH:
        raise Refusal(owner, "has a path of %d characters" % len(path))
    if not parts or path.startswith("/") or ".." in parts or bytes(1).decode() in path:
        raise Refusal(owner, "has the path %s, which leads out of the prefix" % json.dumps(path[:200]))
    if len(path) > LONGEST_PATH:
        raise Refusal(owner, "has the path %s..., of %d characters" % (json.dumps(path[:200]), len(path)))
    return "/".join(parts)


def judge_place(path, directory, owner):
    """Refuse files where Nix looks for code that it runs in builds, and where the records are."""
    first, _, rest = path.partition("/")
    record = rest == "history" or rest.endswith(".json") or (not rest and not directory)
    if first == "nix-support" or (first == "conda-meta" and record):
        raise Refusal(owner, "has %s, which is not for packages" % json.dumps(path[:200]))


def judge_link(path, target, owner):
    """Refuse a symbolic link that leads out of the prefix."""
    depth = path.count("/")
    parts = [part for part in target.split("/") if part not in ("", ".")]
    for part in parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            break
    if depth < 0 or not target or target.startswith("/") or bytes(1).decode() in target:
        say = (json.dumps(path[:200]), json.dumps(target[:200]))
        raise Refusal(owner, "has the link %s, which leads to %s, out of the prefix" % say)


class Spool:
    """A directory of files with numbers for names."""

    def __init__(self, directory):
        """Begin with nothing in it."""
        self.directory, self.count = directory, 0

    def name(self):
        """Return a path that is not taken."""
        self.count += 1
        return os.path.join(self.directory, str(self.count))

    def write(self, source):
        """Write what a stream has, and return where."""
        path = self.name()
        with open(path, "wb") as target:
            shutil.copyfileobj(source, target, BLOCK)
        return path


def read_package(given, spool):
    """Read a package, of either format."""
    owner = os.path.basename(given["archive"]) if not given.get("file") else given["file"]
    members = {}
    try:
        with open(given["archive"], "rb") as file:
            start = file.read(3)
        if start == b"BZh":
            stream = Unpacked(unpack_bzip(given["archive"], owner), os.path.getsize(given["archive"]), owner)
            read_members(stream, members, spool, owner)
        elif start[:2] == b"PK":
            read_conda(given["archive"], members, spool, owner)
        else:
            raise Refusal(owner, "is neither a .conda nor a .tar.bz2 file")
        judge_members(members, owner)
    except DAMAGE as error:
        raise Refusal(owner, "is damaged: %s" % show(str(error))) from None
    index = read_json(members, "info/index.json", owner)
    if not isinstance(index, dict) or str(index.get("name", "")).lower() != given["name"].lower():
        raise Refusal(
            owner, "calls itself %s" % json.dumps(index.get("name") if isinstance(index, dict) else index)
        )
    judge_index(index, owner)
    entries = read_entries(members, owner)
    points = []
    if index.get("noarch") == "python" and "info/link.json" in members:
        link = read_json(members, "info/link.json", owner)
        noarch = link.get("noarch") if isinstance(link, dict) else None
        points = noarch.get("entry_points") or [] if isinstance(noarch, dict) else []
        if not isinstance(points, list):
            raise Refusal(owner, "has entry points that are no list")
    return Package(given, members, index, entries, [read_point(point, owner) for point in points])


def judge_index(index, owner):
    """Refuse a description in which what is read of it has other types than it should have."""
    depends = index.get("depends") or []
    wrong = [
        key
        for key in ("version", "build", "subdir", "url", "python_site_packages_path")
        if not isinstance(index.get(key, ""), (str, type(None)))
    ]
    if not isinstance(depends, list) or not all(isinstance(one, str) for one in depends):
        wrong.append("depends")
    if wrong:
        raise Refusal(owner, "has an info/index.json in which %s is of no type that it may have" % wrong[0])


def read_conda(path, members, spool, owner):
    """Read the two archives in a .conda file."""
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        file.seek(-22 - len(archive.comment), os.SEEK_END)
        if file.read(4) != b"PK" + bytes((5, 6)):
            raise Refusal(owner, "has bytes behind its end")
        for kind in ("info-", "pkg-"):
            known = len(members)
            found = [
                i
                for i in archive.infolist()
                if i.filename.startswith(kind) and i.filename.endswith(".tar.zst")
            ]
            if len(found) != 1 or "/" in found[0].filename:
                raise Refusal(
                    owner, "has %d archives named %s*.tar.zst in the place of one" % (len(found), kind)
                )
            with archive.open(found[0]) as source:
                packed = spool.write(source)
            with subprocess.Popen(
                ["zstd", "-dcq", packed], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as zstd:
                try:
                    pieces = iter(lambda: zstd.stdout.read(STEP), b"")
                    read_members(Unpacked(pieces, os.path.getsize(packed), owner), members, spool, owner)
                except BaseException:
                    zstd.kill()
                    raise
            os.remove(packed)
            if zstd.returncode:
                raise Refusal(owner, "is damaged: zstd cannot unpack %s" % show(found[0].filename))
            for name in list(members)[known:]:
                if name.startswith("info/") != (kind == "info-") and not members[name].directory:
                    raise Refusal(owner, "has %s in the wrong one of its archives" % json.dumps(name))


def read_members(stream, members, spool, owner):
    """Spool the members of an archive of tar."""
    with tarfile.open(fileobj=stream, mode="r|", tarinfo=Header, bufsize=STEP) as archive:
        for header in archive:
            if header.isdir() and header.name.strip("./") == "":
                continue
            path = judge_path(header.name, owner)
            if len(members) >= MOST_MEMBERS:
                raise Refusal(owner, "has more than %d members" % MOST_MEMBERS)
            if header.isdir() and (path not in members or members[path].directory):
                members[path] = Member(directory=True)
                continue
            if path in members:
                raise Refusal(owner, "has %s twice" % json.dumps(path))
            members[path] = make_member(archive, header, path, members, spool, owner)
        for rest in iter(lambda: archive.fileobj.read(STEP), b""):
            if rest.strip(NUL):
                raise Refusal(owner, "has bytes that belong to no member")


def make_member(archive, header, path, members, spool, owner):
    """Spool a file, or return where a link leads."""
    if header.issym():
        if not header.linkname:
            raise Refusal(owner, "has the link %s, which leads nowhere" % json.dumps(path))
        return Member(target=header.linkname)
    if header.islnk():
        first = members.get(judge_path(header.linkname, owner))
        if first is None or not first.spool:
            raise Refusal(owner, "has %s as a link to a file that it has not" % json.dumps(path))
        with open(first.spool, "rb") as source:
            return Member(spool.write(source), first.executable)
    if header.isreg() and not header.issparse():
        source = archive.extractfile(header)
        return Member(spool.write(source), bool(header.mode & 0o111))
    raise Refusal(owner, "has %s, which is no file, directory or link" % json.dumps(path))


def judge_members(members, owner):
    """Refuse members below what is no directory."""
    for path in members:
        for above in list_above(path):
            if above in members and not members[above].directory:
                raise Refusal(owner, "has %s below a file or link of its own" % json.dumps(path))


def read_info(members, path, owner):
    """Return the bytes of a file in info/."""
    member = members.get(path)
    if member is None or not member.spool:
        raise Refusal(owner, "has no %s" % path)
    if os.path.getsize(member.spool) > MOST_INFO:
        raise Refusal(owner, "has a %s of more than %d MB" % (path, MOST_INFO >> 20))
    with open(member.spool, "rb") as file:
        return file.read()


def read_json(members, path, owner):
    """Return what a file in info/ says."""
    try:
        return json.loads(read_info(members, path, owner))
    except (ValueError, RecursionError):
        raise Refusal(owner, "has a %s that is no JSON" % path) from None


def read_entries(members, owner):
    """Return the files that a package installs: of paths.json, or in older packages of three lists."""
    if "info/paths.json" in members:
        told = read_json(members, "info/paths.json", owner)
        entries = told.get("paths") if isinstance(told, dict) else None
        if not isinstance(entries, list) or not all(is_entry(one) for one in entries):
            raise Refusal(owner, "has an info/paths.json that is no list of paths")
        return entries
    lines = read_info(members, "info/files", owner).decode("utf-8", "surrogateescape").splitlines()
    entries = {line: {"_path": line} for line in lines if line}
    for path, member in members.items():
        if path in entries:
            entries[path]["path_type"] = (
                "softlink" if member.target else "directory" if member.directory else "hardlink"
            )
    prefixes = read_info(members, "info/has_prefix", owner).decode() if "info/has_prefix" in members else ""
    for line in prefixes.splitlines():
        words = [
            quoted or bare
            for quoted, bare in re.findall(
                chr(34) + "([^" + chr(34) + "]*)" + chr(34) + "|([^ " + TAB + "]+)", line
            )
        ]
        prefix, mode, path = (
            words if len(words) == 3 else (OLD_PLACEHOLDER, "text", line.strip().strip(chr(34)))
        )
        if path in entries:
            entries[path].update(prefix_placeholder=prefix, file_mode=mode.lower())
    return list(entries.values())


def is_entry(one):
    """Whether something is an entry of paths.json: what is read of it has the types that it should have."""
    if not isinstance(one, dict) or not isinstance(one.get("_path"), str):
        return False
    kinds = {"path_type": ("hardlink", "softlink", "directory", None), "file_mode": ("text", "binary", None)}
    types = {"prefix_placeholder": str, "sha256": str, "size_in_bytes": int, "no_link": bool}
    typed = all(isinstance(one.get(key), (kind, type(None))) for key, kind in types.items())
    return typed and all(one.get(key) in known for key, known in kinds.items())


def read_point(point, owner):
    """Return command, module and function of an entry point."""
    command, _, reference = point.partition("=") if isinstance(point, str) else ("", "", "")
    module, _, function = reference.partition(":")
    command, module, function = command.strip(), module.strip(), function.strip()
    if not (COMMAND.fullmatch(command) and DOTTED.fullmatch(module) and DOTTED.fullmatch(function)):
        raise Refusal(owner, "has the entry point %s, which is none" % json.dumps(point))
    return command, module, function


# The prefix: who has which path, and what is written there.


@dataclass
class Placed:
    """A file of a package at its place in the prefix."""

    package: Package
    path: str
    entry: dict
    member: Member


@dataclass
class Python:
    """The Python of a prefix, or nothing."""

    version: str = ""
    site: str = ""

    def write_shebang(self, prefix):
        """Return the line that starts a script, as rattler writes it."""
        path = "%s/bin/python%s" % (prefix, self.version)
        if len(path) > LONGEST_SHEBANG - 2 or " " in path:
            return start_by_shell(path)
        return "#!" + path

    def write_script(self, prefix, module, function):
        """Return a script that runs a function, as rattler writes it."""
        ends = "(-script" + BACKSLASH + ".pyw?|" + BACKSLASH + ".exe)?" + DOLLAR
        lines = [
            self.write_shebang(prefix),
            "# -*- coding: utf-8 -*-",
            "import re",
            "import sys",
            "",
            "from %s import %s" % (module, function.partition(".")[0]),
            "",
            "if __name__ == %s:" % (chr(39) + "__main__" + chr(39)),
            TAB + "sys.argv[0] = re.sub(r%s, %s, sys.argv[0])" % (chr(39) + ends + chr(39), 2 * chr(39)),
            TAB + "sys.exit(%s())" % function,
            "",
        ]
        return NEWLINE.join(lines).encode()


def start_by_shell(python, more=""):
    """Return first lines by which a shell starts a Python, whose path is too long for a kernel."""
    started = ' "%s"%s "%s0" "%s@" #' % (python, more, DOLLAR, DOLLAR)
    return "#!/bin/sh" + NEWLINE + QUOTES + "exec" + chr(39) + started + QUOTES


def find_python(packages):
    """Return the Python of a prefix."""
    for package in packages:
        if package.name == "python":
            found = re.match(
                "([0-9]+[.][0-9]+)", str(package.given.get("version") or package.index.get("version"))
            )
            if not found:
                raise Refusal("python", "has the version %s" % json.dumps(package.given.get("version")))
            site = package.given.get("site_packages") or package.index.get("python_site_packages_path")
            return Python(
                found[1], judge_path(str(site or "lib/python%s/site-packages" % found[1]), "python")
            )
    return Python()


def place_all(package, python):
    """Return where the files of a package go; what is in info/ and in no list stays out."""
    noarch = package.index.get("noarch") == "python"
    if noarch and not python.version:
        raise Refusal(package.name, "is noarch: python, and no package brings a Python")
    placed = {}
    for entry in package.entries:
        source = judge_path(entry["_path"], package.name)
        path = source
        first, _, rest = source.partition("/")
        if noarch and rest and first in ("site-packages", "python-scripts"):
            path = (python.site if first == "site-packages" else "bin") + "/" + rest
        member = package.members.get(source)
        if member is None and entry.get("path_type") == "directory":
            member = Member(directory=True)
        if member is None:
            raise Refusal(package.name, "names the file %s, which it has not" % json.dumps(source))
        if path in placed:
            raise Refusal(package.name, "has %s twice" % json.dumps(path))
        if member.directory != (entry.get("path_type") == "directory") or bool(member.target) != (
            entry.get("path_type") == "softlink"
        ):
            raise Refusal(
                package.name,
                "says that %s is a %s, which it is not"
                % (json.dumps(source), entry.get("path_type") or "hardlink"),
            )
        judge_place(path, member.directory, package.name)
        if member.target:
            judge_link(path, member.target, package.name)
        placed[path] = Placed(package, path, entry, member)
    for command, module, function in package.entry_points:
        entry = {
            "_path": "bin/" + command,
            "path_type": "unix_python_entry_point",
            "point": (module, function),
        }
        placed["bin/" + command] = Placed(package, "bin/" + command, entry, Member(executable=True))
    return list(placed.values())


def sort_packages(packages):
    """Sort packages as rattler does: what others depend on comes first, and gives way to them."""
    by_name = {package.name: package for package in packages}
    wants = {name: list_wants(package, by_name) for name, package in by_name.items()}
    for one, other in find_breaks(wants, by_name):
        wants[one] = [name for name in wants[one] if name != other]
    wanted = {name for names in wants.values() for name in names}
    order, seen = [], set()
    stack = [(name, False) for name in sorted(by_name) if name not in wanted]
    rest = sorted(by_name)
    while stack or rest:
        if not stack:
            stack = [(name, False) for name in rest if name not in seen]
            rest = []
            continue
        name, done = stack.pop()
        if done:
            order.append(by_name[name])
        elif name not in seen:
            seen.add(name)
            stack.append((name, True))
            stack += [(other, False) for other in sorted(wants[name])]
    return order


def list_wants(package, by_name):
    """Return the names that a package depends on and that are there, as it has them."""
    depends = package.given.get("depends")
    if depends is None:
        depends = package.index.get("depends") or []
    names = [
        re.split("[ <>=!~;,[]", one.strip().rpartition("::")[2], maxsplit=1)[0].lower() for one in depends
    ]
    return [name for name in names if name in by_name]


def find_breaks(wants, by_name):
    """Return the edges at which circles are cut: noarch packages come after the others."""
    breaks, seen = [], set()
    for start in sorted(wants):
        path, stack = [], [(start, iter((start,)))]
        while stack:
            name = next(stack[-1][1], None)
            if name is None:
                stack.pop()
                if path:
                    path.pop()
            elif name in path:
                breaks.append(find_break(path[path.index(name) :], by_name))
            elif name not in seen:
                seen.add(name)
                path.append(name)
                stack.append((name, iter(wants[name])))
    return breaks


def find_break(circle, by_name):
    """Return the edge at which a circle is cut."""
    for i, one in enumerate(circle):
        other = circle[(i + 1) % len(circle)]
        plain = [not by_name[name].index.get("noarch") for name in (one, other)]
        if plain == [True, False]:
            return one, other
        if plain == [False, True]:
            return other, one
    return circle[0], circle[-1]


def settle(packages, python):
    """Decide who has each path: of several packages the last one. Returns what is placed, and what is not."""
    files, directories, lost = {}, set(), []
    for package in reversed(packages):
        own = place_all(package, python)
        names = {one.path for one in own if not one.member.directory}
        for one in own:
            above = list_above(one.path)
            if any(path in names for path in above):
                raise Refusal(package.name, "has %s below a file or link of its own" % json.dumps(one.path))
            if one.path in files or any(path in files for path in above):
                lost.append((one, next(files[path] for path in (*above, one.path) if path in files)))
            elif one.path in directories and not one.member.directory:
                lost.append((one, None))
        dropped = {one.path for one, _ in lost if one.package is package}
        for one in own:
            if one.path not in dropped:
                directories.update(list_above(one.path))
                if one.member.directory:
                    directories.add(one.path)
                else:
                    files[one.path] = one
                package.files.append(one)
    return sorted(files.values(), key=lambda one: one.path), sorted(directories), lost


def list_above(path):
    """Return the directories above a path."""
    parts = path.split("/")
    return ["/".join(parts[:i]) for i in range(1, len(parts))]


def tell_lost(lost):
    """Say which files gave way to those of other packages."""
    for one, winner in lost[:MOST_TOLD]:
        kept = winner.package.name if winner else "a directory"
        tell("%s: %s gives way to %s" % (show(one.path), one.package.name, kept))
    if len(lost) > MOST_TOLD:
        tell("%d more files give way" % (len(lost) - MOST_TOLD))


def digest(path):
    """Return the SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            found.update(block)
    return found.hexdigest()


def write_placed(one, out, prefix, python):
    """Write one file, link, or script of an entry point."""
    target = os.path.join(out, one.path)
    if one.member.target:
        os.symlink(one.member.target, target)
        return
    entry = one.entry
    if "point" in entry:
        with open(target, "xb") as file:
            file.write(python.write_script(prefix, *entry["point"]))
    else:
        wanted = entry.get("sha256")
        if wanted and digest(one.member.spool) != wanted.lower():
            raise Refusal(
                one.package.name,
                "has %s with another SHA-256 than info/paths.json says" % json.dumps(one.path),
            )
        if entry.get("prefix_placeholder"):
            replace_prefix(one, target, prefix)
        else:
            os.rename(one.member.spool, target)
    os.chmod(target, 0o755 if one.member.executable else 0o644)


def replace_prefix(one, target, prefix):
    """Write a file with the prefix where a placeholder stands."""
    old, new = (text.encode("utf-8", "surrogateescape") for text in (one.entry["prefix_placeholder"], prefix))
    binary = one.entry.get("file_mode") == "binary"
    if binary and len(new) > len(old):
        say = (json.dumps(one.path), len(old), len(new))
        raise Refusal(one.package.name, "has room in %s for a prefix of %d bytes, and this one has %d" % say)
    with open(one.member.spool, "rb") as source, open(target, "xb") as file:
        if not os.path.getsize(one.member.spool):
            return
        with mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data:
            (replace_binary if binary else replace_text)(data, file, old, new)


def replace_binary(data, file, old, new):
    """Replace the prefix in strings that end with NUL, and keep the place of everything else."""
    done = 0
    while (found := data.find(old, done)) >= 0:
        end = data.find(NUL, found + len(old))
        end = len(data) if end < 0 else end
        text = data[found:end]
        file.write(data[done:found])
        file.write(text.replace(old, new).ljust(len(text), NUL))
        done = end
    copy_range(data, file, done)


def replace_text(data, file, old, new):
    """Replace the prefix in text; a first line that is too long for a kernel finds its program by env."""
    done = 0
    if data[:2] == b"#!":
        done = data.find(NEWLINE.encode())
        done = len(data) if done < 0 else done
        line = data[:done].decode("utf-8", "replace")
        file.write(
            replace_shebang(line, old.decode("utf-8", "replace"), new.decode("utf-8", "replace")).encode()
        )
    while (found := data.find(old, done)) >= 0:
        copy_range(data, file, done, found)
        file.write(new)
        done = found + len(old)
    copy_range(data, file, done)


def copy_range(data, file, start, end=None):
    """Write a part of what is mapped, block by block."""
    end = len(data) if end is None else end
    for at in range(start, end, BLOCK):
        file.write(data[at : min(at + BLOCK, end)])


def replace_shebang(line, old, new):
    """Return the first line of a script with another prefix, as rattler writes it."""
    if " " in new:
        return use_env(line).replace(old, new) if old in line else line
    line = line.replace(old, new)
    return line if len(line.encode()) <= LONGEST_SHEBANG else use_env(line)


def use_env(line):
    """Return a first line that finds its program by env."""
    found = SHEBANG.fullmatch(line)
    if not found:
        return line
    program = found[2].rpartition("/")[2]
    if PYTHON.fullmatch(program):
        return start_by_shell(found[2], found[3])
    return "#!/usr/bin/env %s%s" % (program, found[3])


# What a Nix store needs besides: programs of its own loader, run paths, first lines of scripts.


@dataclass
class Elf:
    """What is read of an ELF file."""

    machine: int
    interpreter: str = ""
    needed: list = field(default_factory=list)
    rpath: str = ""
    runpath: str = ""


def read_elf(path):
    """Return what an ELF file says, or None for a file that is none, or none that can be read."""
    try:
        with open(path, "rb") as file:
            if file.read(4) != b"" + bytes((127,)) + b"ELF":
                return None
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return parse_elf(data)
    except (struct.error, IndexError, ValueError, OSError, OverflowError):
        return None


def parse_elf(data):
    """Read the headers of an ELF file, from its program headers alone."""
    wide, end = data[4] == 2, "<" if data[5] == 1 else ">"
    machine = struct.unpack_from(end + "H", data, 18)[0]
    at = struct.unpack_from(end + ("Q" if wide else "I"), data, 32 if wide else 28)[0]
    size, count = struct.unpack_from(end + "HH", data, 54 if wide else 42)
    elf, loads, dynamic = Elf(machine), [], None
    for i in range(count):
        if wide:
            kind, _, offset, address, _, length = struct.unpack_from(end + "IIQQQQ", data, at + i * size)
        else:
            kind, offset, address, _, length = struct.unpack_from(end + "IIIII", data, at + i * size)
        if kind == 1:
            loads.append((address, offset, length))
        elif kind == 2:
            dynamic = (offset, length)
        elif kind == 3:
            elf.interpreter = (
                data[offset : offset + min(length, 4096)].partition(NUL)[0].decode("utf-8", "surrogateescape")
            )
    if dynamic:
        read_dynamic(data, elf, loads, dynamic, (end + ("QQ" if wide else "II"), 16 if wide else 8))
    return elf


def read_dynamic(data, elf, loads, dynamic, form):
    """Read names from the dynamic section of an ELF file."""
    found = []
    for at in range(dynamic[0], min(dynamic[0] + dynamic[1], len(data) - form[1] + 1), form[1]):
        tag, value = struct.unpack_from(form[0], data, at)
        if tag == 0:
            break
        if tag in (1, 5, 15, 29):
            found.append((tag, value))
        if len(found) > MOST_NAMES:
            return
    table = next((value for tag, value in found if tag == 5), None)
    start = next((table - a + o for a, o, n in loads if table is not None and a <= table < a + n), None)
    if start is None:
        return
    for tag, value in found:
        if tag in (1, 15, 29):
            begin = start + value
            stop = data.find(NUL, begin, begin + LONGEST_RUN_PATH)
            name = data[begin : max(stop, 0)].decode("utf-8", "surrogateescape")
            if tag == 1:
                elf.needed.append(name)
            else:
                setattr(elf, "rpath" if tag == 15 else "runpath", name)


def run_patchelf(path, *options):
    """Change an ELF file."""
    done = subprocess.run(
        ["patchelf", *options, path], capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        raise Refusal(os.path.basename(path), "cannot be changed: %s" % show(done.stderr.strip()))


def add_runpaths(path, elf, directories):
    """Append directories to the run path of a file, whose tag stays: DT_RUNPATH would switch off others."""
    old = [one for one in (elf.runpath or elf.rpath).split(":") if one]
    new = [one for one in directories if one not in old]
    if new:
        force = () if elf.runpath else ("--force-rpath",)
        run_patchelf(path, *force, "--set-rpath", ":".join((*old, *new)))


def fit_programs(out, given, paths):
    """Give programs the loader of the store, and files the run paths that they are said to need."""
    wanted, loader, machine = (
        given.get("runpaths", {}),
        given.get("interpreter"),
        MACHINES.get(given.get("machine")),
    )
    for path in paths:
        full = os.path.join(out, path)
        elf = None if os.path.islink(full) else read_elf(full)
        if elf is None or elf.machine != machine:
            continue
        if loader and re.match("/(?:lib|lib64|usr/lib|usr/lib64|system)/", elf.interpreter):
            run_patchelf(full, "--set-interpreter", loader)
        if path in wanted:
            add_runpaths(full, elf, wanted[path])


def fit_scripts(out, prefix, given, paths):
    """Make scripts find programs that are in /bin and /usr/bin elsewhere, and on NixOS are not."""
    programs = given.get("programs", {})
    for path in paths:
        full = os.path.join(out, path)
        if os.path.islink(full) or not os.access(full, os.X_OK):
            continue
        with open(full, "rb") as file:
            line = file.readline(4096)
        found = re.match(rb"#! *(/(?:usr/)?(?:local/)?bin/([A-Za-z0-9_.+-]+))", line)
        if not found or found[1] in (b"/bin/sh", b"/usr/bin/env"):
            continue
        name = found[2].decode()
        own = os.path.join(out, "bin", name)
        new = "%s/bin/%s" % (prefix, name) if os.path.exists(own) and own != full else programs.get(name)
        if not new:
            continue
        with open(full, "rb") as file:
            data = file.read()
        with open(full, "wb") as file:
            file.write(b"#!" + new.encode() + data[found.end(1) :])


def find_foreign(out, python, own, others):
    """Return what Python would run and is of another package: itself, its modules, and what leads it to them.

    Libraries that it is linked to are of other packages in any case, and are not looked at.
    """
    program = "bin/python" + python.version
    real = os.path.relpath(os.path.realpath(os.path.join(out, program)), os.path.realpath(out))
    if real not in own:
        return program
    places = {"lib/python%s/" % python.version, os.path.dirname(python.site) + "/"}
    switches = {"pyvenv.cfg", "bin/pyvenv.cfg", "bin/pybuilddir.txt", program + "._pth"}
    switches.add("lib/python%s.zip" % python.version.replace(".", ""))
    for path in others:
        if path in switches:
            return path
        for place in places:
            first = path[len(place) :].partition("/")[0] if path.startswith(place) else ""
            # What has a hyphen in its name, such as site-packages, is no module.
            if first == "lib-dynload" or first.partition(".")[0].isidentifier():
                return path
    return ""


def compile_modules(out, python, own, others):
    """Compile modules: in a store, time stamps make stale what packages have compiled.

    No module of another package is imported: Python has no site, and no module in the working directory.
    """
    out = os.path.abspath(out)
    program = os.path.join(out, "bin", "python" + python.version)
    if not python.version or not os.path.exists(program):
        return
    if foreign := find_foreign(out, python, own, others):
        tell("compiles no modules, as %s is not of the package python" % show(foreign))
        return
    tell("compiles the modules of Python " + python.version)
    variables = {"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", ""), "HOME": "/homeless-shelter"}
    options = ["-s", "-S", "-m", "compileall", "-qq", "-f", "--invalidation-mode", "unchecked-hash"]
    places = {os.path.join(out, "lib", "python" + python.version), os.path.join(out, python.site)}
    found = sorted(place for place in places if os.path.isdir(place))
    with tempfile.TemporaryDirectory() as empty:
        command = [program, *options, *found]
        subprocess.run(command, env=variables, cwd=empty, stdout=subprocess.DEVNULL, check=False)
    for place in found:
        clear_hashes(place)


def clear_hashes(top):
    """Clear the hashes of sources, at which nobody looks: they depend on the path of the prefix."""
    for place, _, files in os.walk(top):
        for name in files:
            full = os.path.join(place, name)
            if place.endswith("__pycache__") and name.endswith(".pyc") and not os.path.islink(full):
                with open(full, "r+b") as file:
                    if file.read(16)[4:8] == struct.pack("<I", 1):
                        file.seek(8)
                        file.write(bytes(8))


# The record of what is there, in conda-meta, which conda and others read.


def write_records(packages, out):
    """Write the records of packages; nothing in them is of this time or this machine."""
    directory = os.path.join(out, "conda-meta")
    os.makedirs(directory, exist_ok=True)
    lines = ["==> 1970-01-01 00:00:01 <==", "# cmd: wheelfix"]
    for package in sorted(packages, key=lambda one: one.name):
        given = package.given
        about = {
            key: package.index[key]
            for key in sorted(package.index)
            if key not in ("files", "paths_data") and package.index[key] is not None
        }
        known = {
            key: given[key]
            for key in ("name", "version", "build", "subdir", "url", "depends")
            if given.get(key)
        }
        about.update(known, fn=given.get("file") or os.path.basename(given["archive"]))
        label = "%s-%s-%s" % (about["name"], about.get("version", ""), about.get("build", ""))
        judge_name(label, package.name)
        about.setdefault("url", "file:///" + about["fn"])
        kind, _, hashed = str(given.get("hash", "")).partition("-")
        if hashed:
            about[kind] = base64.b64decode(hashed).hex()
        about["channel"] = about["url"].rsplit("/", 2)[0]
        placed = sorted(package.files, key=lambda one: one.path)
        about["files"] = [one.path for one in placed]
        about["paths_data"] = {"paths": [describe(one, out) for one in placed], "paths_version": 1}
        about["link"] = {"source": "", "type": 1}
        about["requested_spec"] = ""
        with open(os.path.join(directory, label + ".json"), "x", encoding="ascii") as file:
            json.dump(about, file, indent=2, sort_keys=True)
            file.write(NEWLINE)
        lines.append("+%s/%s::%s" % (about["channel"], about.get("subdir", ""), label))
    with open(os.path.join(directory, "history"), "x", encoding="utf-8", errors="surrogateescape") as file:
        file.write("".join(line + NEWLINE for line in lines))


def judge_name(label, owner):
    """Refuse names that are no names of files."""
    if not re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_.!+~-]*", label):
        raise Refusal(owner, "has the name %s" % json.dumps(label))


def describe(one, out):
    """Return the record of one file; its hash in the prefix is left out, as that depends on the path."""
    keys = ("path_type", "no_link", "prefix_placeholder", "file_mode", "sha256", "size_in_bytes")
    record = {"_path": one.path, **{key: one.entry[key] for key in keys if key in one.entry}}
    full = os.path.join(out, one.path)
    if not os.path.islink(full) and not one.member.directory:
        record["size_in_bytes"] = os.path.getsize(full)
    return record


# Wheels, as installers lay them out.


def unpack_wheel(given, out):
    """Lay a wheel out below a prefix of its own."""
    python = Python(given["python"], given["site_packages"])
    prefix = given["prefix"]
    owner = given["file"]
    with zipfile.ZipFile(given["wheel"]) as archive:
        names = [info.filename for info in archive.infolist() if not info.is_dir()]
        (about, *more) = sorted(
            {
                name.partition("/")[0]
                for name in names
                if name.count("/") == 1 and name.endswith(".dist-info/WHEEL")
            }
        ) or [""]
        if not about or more:
            raise Refusal(owner, "has no single .dist-info directory")
        places = {"purelib": python.site, "platlib": python.site, "scripts": "bin", "data": ""}
        places["headers"] = "include/python%s/%s" % (python.version, about.partition("-")[0])
        rows, seen = [], set()
        for info in archive.infolist():
            if info.is_dir():
                continue
            path = place_member(judge_path(info.filename, owner), about, places, python, owner)
            judge_place(path, False, owner)
            if path in seen:
                raise Refusal(owner, "has %s twice" % json.dumps(path))
            seen.add(path)
            rows.append(path)
            with archive.open(info) as source:
                write_member(source, os.path.join(out, path), info, prefix, python)
        if about + "/entry_points.txt" in names:
            text = archive.read(about + "/entry_points.txt").decode("utf-8", "replace")
            rows += write_points(text, out, prefix, python, owner)
    write_record(out, python, about, rows)


def place_member(path, about, places, python, owner):
    """Return where a member of a wheel goes."""
    first, _, rest = path.partition("/")
    if first != about[: -len(".dist-info")] + ".data" or not rest:
        return python.site + "/" + path
    scheme, _, rest = rest.partition("/")
    if scheme not in places or not rest:
        raise Refusal(owner, "has %s, for which there is no place" % json.dumps(path))
    return (places[scheme] + "/" + rest).lstrip("/")


def write_member(source, target, info, prefix, python):
    """Write a member of a wheel."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    script = os.path.basename(os.path.dirname(target)) == "bin" and ".data/scripts/" in info.filename
    with open(target, "xb") as file:
        if script:
            start = source.read(4096)
            line = python.write_shebang(prefix).encode()
            file.write(re.sub(rb"^#!pythonw?(?=[ " + bytes((9, 10, 13)) + rb"])", lambda _: line, start))
        shutil.copyfileobj(source, file, BLOCK)
    os.chmod(target, 0o755 if script or info.external_attr >> 16 & 0o111 else 0o644)


def write_points(text, out, prefix, python, owner):
    """Write the programs that entry points name, and return their paths."""
    points = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    points.optionxform = str
    try:
        points.read_string(text)
    except configparser.Error:
        raise Refusal(owner, "has an entry_points.txt that cannot be read") from None
    written = []
    for section in ("console_scripts", "gui_scripts"):
        for name, reference in points[section].items() if points.has_section(section) else ():
            command, module, function = read_point("%s=%s" % (name, reference.partition("[")[0]), owner)
            path = "bin/" + command
            target = os.path.join(out, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            with open(target, "wb") as file:
                file.write(python.write_script(prefix, module, function))
            os.chmod(target, 0o755)
            written.append(path)
    return written


def write_record(out, python, about, rows):
    """Write RECORD and INSTALLER."""
    directory = os.path.join(out, python.site, about)
    with open(os.path.join(directory, "INSTALLER"), "w", encoding="ascii") as file:
        file.write("wheelfix" + NEWLINE)
    names = sorted({*rows, "%s/%s/INSTALLER" % (python.site, about), "%s/%s/RECORD" % (python.site, about)})
    paths = [os.path.relpath(name, python.site) for name in names]
    with open(os.path.join(directory, "RECORD"), "w", encoding="utf-8", errors="surrogateescape") as file:
        for path in paths:
            quoted = (
                chr(34) + path.replace(chr(34), 2 * chr(34)) + chr(34)
                if any(one in path for one in (",", chr(34), NEWLINE, chr(13)))
                else path
            )
            file.write(quoted + ",," + NEWLINE)


def add_tree(source, out, moved):
    """Copy a tree into the prefix: what is there gives way, and paths of another prefix become its own.

    Returns:
        The paths of its files in the prefix.
    """
    count, added = 0, []
    for place, directories, files in os.walk(source):
        directories[:] = sorted(name for name in directories if name != "__pycache__")
        inside = os.path.relpath(place, source)
        if inside.partition("/")[0] == "nix-support":
            continue
        for name in sorted(
            (*files, *(one for one in directories if os.path.islink(os.path.join(place, one))))
        ):
            old, new = os.path.join(place, name), os.path.normpath(os.path.join(out, inside, name))
            path = os.path.relpath(new, out)
            judge_place(path, False, os.path.basename(source))
            clear_way(out, new)
            os.makedirs(os.path.dirname(new), exist_ok=True)
            count += os.path.lexists(new)
            if os.path.lexists(new):
                os.remove(new)
            if os.path.islink(old):
                os.symlink(os.readlink(old).replace(*moved), new)
            else:
                copy_moved(old, new, moved)
            added.append(path)
    if count:
        tell("%s: %d files take the place of others" % (show(os.path.basename(source)), count))
    return added


def lead_to_libraries(out, prefix, given, paths):
    """Lead files of wheels to libraries of the prefix: a DT_RUNPATH switches off the DT_RPATH of Python."""
    library, machine = os.path.join(out, "lib"), MACHINES.get(given.get("machine"))
    for path in paths:
        full = os.path.join(out, path)
        elf = None if os.path.islink(full) else read_elf(full)
        if (
            elf
            and elf.machine == machine
            and any(os.path.exists(os.path.join(library, one)) for one in elf.needed)
        ):
            add_runpaths(full, elf, [prefix + "/lib"])


def clear_way(out, path):
    """Refuse to write through links, and over directories."""
    inside = os.path.relpath(path, out)
    for above in list_above(inside):
        full = os.path.join(out, above)
        if os.path.islink(full) or (os.path.lexists(full) and not os.path.isdir(full)):
            raise Refusal(inside, "cannot be written: %s is a file or link" % show(above))
    if os.path.isdir(path) and not os.path.islink(path):
        raise Refusal(inside, "cannot be written: it is a directory")


def copy_moved(old, new, moved):
    """Copy a file, with one prefix in the place of another one of the same length."""
    first, second = (text.encode() for text in moved)
    if len(first) != len(second):
        raise Refusal(moved[0], "is not as long as %s" % moved[1])
    with open(new, "xb") as file:
        if os.path.getsize(old):
            with open(old, "rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as data:
                done = 0
                while (found := data.find(first, done)) >= 0:
                    copy_range(data, file, done, found)
                    file.write(second)
                    done = found + len(first)
                copy_range(data, file, done)
    os.chmod(new, 0o755 if os.access(old, os.X_OK) else 0o644)


# What is asked for.


def link_prefix(given, out, prefix):
    """Make an environment."""
    os.makedirs(out, exist_ok=True)
    spool = tempfile.mkdtemp(prefix=".wheelfix-", dir=out)
    packages = [read_package(one, Spool(tempfile.mkdtemp(dir=spool))) for one in given["packages"]]
    names = [package.name for package in packages]
    if len(set(names)) < len(names):
        raise Refusal(next(name for name in names if names.count(name) > 1), "is there twice")
    packages = sort_packages(packages)
    python = find_python(packages)
    placed, directories, lost = settle(packages, python)
    tell_lost(lost)
    for directory in directories:
        os.makedirs(os.path.join(out, directory), exist_ok=True)
    for one in placed:
        write_placed(one, out, prefix, python)
    shutil.rmtree(spool)
    for one in placed:
        full = os.path.join(out, one.path)
        if os.path.islink(full) and not (os.path.realpath(full) + "/").startswith(
            os.path.realpath(out) + "/"
        ):
            raise Refusal(
                one.package.name, "has the link %s, which leads out of the prefix" % json.dumps(one.path)
            )
    paths = [one.path for one in placed]
    fit_programs(out, given, paths)
    fit_scripts(out, prefix, given, paths)
    write_records(packages, out)
    add_libraries(out, given.get("libraries", {}))
    added = []
    for tree in given.get("trees", []):
        new = add_tree(tree, out, (given.get("moved") or prefix, prefix))
        lead_to_libraries(out, prefix, given, new)
        added += new
    if given.get("compile"):
        own = {one.path for one in placed if one.package.name == "python"} - set(added)
        compile_modules(out, python, own, [*(one.path for one in placed if one.path not in own), *added])


def add_libraries(out, libraries):
    """Link libraries from outside into lib, where packages that open them by name look for them."""
    for name, target in sorted(libraries.items()):
        path = os.path.join(out, judge_path("lib/" + name, "libraries"))
        if not os.path.lexists(path):
            clear_way(out, path)
            os.makedirs(os.path.join(out, "lib"), exist_ok=True)
            os.symlink(target, path)


def link_wheel(given, out, _):
    """Unpack a wheel."""
    try:
        unpack_wheel(given, out)
    except DAMAGE as error:
        raise Refusal(given["file"], "cannot be read: %s" % show(str(error))) from None


def link_view(given, out, _):
    """Copy what one package of a prefix has in site-packages, with run paths that lead back into it."""
    prefix, name = given["prefix"], given["name"]
    records = sorted(os.listdir(os.path.join(prefix, "conda-meta")))
    for file in records:
        if file.endswith(".json"):
            with open(os.path.join(prefix, "conda-meta", file), encoding="utf-8") as source:
                record = json.load(source)
            if record["name"] == name:
                break
    else:
        raise Refusal(name, "is no package of %s" % prefix)
    python = re.compile("lib/python[0-9.]+/site-packages/")
    site = given["site_packages"].rstrip("/") + "/"
    paths = [path for path in record["files"] if python.match(path)]
    directories = {os.path.join(prefix, os.path.dirname(path)) for path in paths}
    kept = {*paths, *(above for path in paths for above in list_above(path) if python.match(above))}
    for path in paths:
        old, new = os.path.join(prefix, path), os.path.join(out, site + python.sub("", path, count=1))
        os.makedirs(os.path.dirname(new), exist_ok=True)
        if os.path.islink(old):
            os.symlink(point_back(old, prefix, kept), new)
            continue
        shutil.copyfile(old, new)
        os.chmod(new, 0o755 if os.access(old, os.X_OK) else 0o644)
        elf = read_elf(new)
        if elf and elf.needed:
            lead_back(new, elf, prefix, os.path.dirname(old), directories)


def point_back(link, prefix, kept):
    """Return where a link that was moved leads: to what was moved with it, or into the prefix as before."""
    target = os.readlink(link)
    full = os.path.normpath(os.path.join(os.path.dirname(link), target))
    return target if os.path.relpath(full, prefix) in kept else full


def lead_back(path, elf, prefix, place, directories):
    """Make the run path of a file that was moved lead to where it led before."""
    old = [one for one in (elf.runpath or elf.rpath).split(":") if one]
    new = []
    for one in old:
        full = os.path.normpath(ORIGIN.sub(lambda _: place, one))
        new.append(one if full in directories else full)
    library = os.path.join(prefix, "lib")
    if library not in new and any(os.path.exists(os.path.join(library, one)) for one in elf.needed):
        new.append(library)
    if new != old:
        force = () if elf.runpath else ("--force-rpath",)
        run_patchelf(path, *force, "--set-rpath", ":".join(new))


MODES = {"prefix": link_prefix, "wheel": link_wheel, "view": link_view}


def main():
    """Do what a file asks for."""
    with open(sys.argv[1], encoding="utf-8") as file:
        given = json.load(file)
    out = given.get("out") or os.environ["out"]
    try:
        MODES[given["mode"]](given, out, given.get("prefix") or out)
    except Refusal as refusal:
        tell(str(refusal))
        return 1
    except (OSError, ValueError) as error:
        tell("cannot be linked: %s" % show(str(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
