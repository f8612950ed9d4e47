"""Edits of files that gcc and four linkers make, checked after each step."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from tests.support.elf import build_elf
from tests.support.patch import LONG, edit_checked, load, move_headers_to_end, read, strip
from wheelfix.errors import ApplyError, EditRefused
from wheelfix.patch.edit.apply import apply_edit, plan_file, revert_edit
from wheelfix.patch.model import ElfEdit

LINKERS = {
    "bfd": ["-fuse-ld=bfd"],
    "bfd-no-spare": ["-fuse-ld=bfd", "-Wl,-z,nodynamic-undefined-weak", "-Wl,--spare-dynamic-tags=0"],
    "bfd-sysv-hash": ["-fuse-ld=bfd", "-Wl,--hash-style=sysv"],
    "bfd-one-segment": ["-fuse-ld=bfd", "-Wl,-z,noseparate-code"],
    "bfd-64k": ["-fuse-ld=bfd", "-Wl,-z,max-page-size=65536"],
    "gold": ["-fuse-ld=gold"],
    "gold-rosegment": ["-fuse-ld=gold", "-Wl,--rosegment"],
    "gold-no-spare": ["-fuse-ld=gold", "-Wl,--spare-dynamic-tags=0"],
    "lld": ["-fuse-ld=lld"],
    "lld-no-rosegment": ["-fuse-ld=lld", "-Wl,--no-rosegment"],
    "mold": ["-fuse-ld=mold"],
}
SOURCE_32 = "int answer(void) { return 42; }\n"


def build(tmp_path: Path, *, name: str = "libx.so", **options: object) -> Path:
    path = tmp_path / name
    path.write_bytes(build_elf(tmp_path, name, **options))  # type: ignore[arg-type]
    path.chmod(0o755)
    return path


@pytest.fixture(params=LINKERS)
def linked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return build(tmp_path, soname="libx.so.1", needed=["liba.so.1"], flags=LINKERS[request.param])


def set_path(*entries: str) -> ElfEdit:
    return ElfEdit(run_path=entries)


def test_every_linker_every_length(linked: Path) -> None:
    """Longer, longer still, shorter, gone, back: the file still loads, and strip does not break it."""
    plain = linked.read_bytes()
    for entries in ([], ["$ORIGIN"], LONG, (*LONG, *LONG), ["/a"], LONG, [], ["$ORIGIN/../lib"]):
        edit_checked(linked, set_path(*entries))
        assert read(linked).rpath == tuple(entries)
        assert read(linked).runpath == ()
    edit_checked(linked, ElfEdit(remove_needed=("liba.so.1",)))
    assert load(linked) == 42
    strip(linked)
    assert load(linked) == 42
    assert read(linked).rpath == ("$ORIGIN/../lib",)
    assert read(linked).soname == "libx.so.1"
    assert len(linked.read_bytes()) < len(plain) + (64 << 10)


def test_every_linker_every_program(tmp_path: Path) -> None:
    for name, flags in LINKERS.items():
        for style in ("-pie", "-no-pie"):
            program = build(tmp_path, name=f"{name}{style}", executable=True, flags=[*flags, style])
            for edit in (set_path("$ORIGIN"), set_path(*LONG), set_path(*LONG, "/b")):
                edit_checked(program, edit)
                subprocess.run([program], check=True)
            strip(program)
            subprocess.run([program], check=True)
            assert read(program).rpath == (*LONG, "/b")


def test_program_without_room_in_its_header(tmp_path: Path) -> None:
    """Code follows the program headers, and nothing can move: the data segment does, with zeros and all."""
    source = tmp_path / "a.c"
    source.write_text(
        "static int zeros[9000]; __thread int local = 7; __thread int none; int data[] = {1, 2, 3};\n"
        "int main(void) { for (int i = 0; i < 9000; i++) if (zeros[i]++) return 1;\n"
        "return local != 7 || none || data[2] != 3; }\n"
    )
    program = tmp_path / "prog"
    subprocess.run(["gcc", *LINKERS["gold-rosegment"], "-o", program, source], check=True)
    assert edit_checked(program, set_path(*LONG)).method == "rehome"
    subprocess.run([program], check=True)
    assert edit_checked(program, set_path(*LONG, "/b")).method == "grow"
    edit_checked(program, ElfEdit(add_needed=("libm.so.6",)))
    subprocess.run([program], check=True)
    strip(program)
    subprocess.run([program], check=True)
    assert read(program).rpath == (*LONG, "/b")


def test_library_of_32_bits(tmp_path: Path) -> None:
    source, library = tmp_path / "a.c", tmp_path / "lib32.so"
    source.write_text(SOURCE_32)
    command = ["gcc", "-m32", "-shared", "-nostdlib", "-fPIC", "-fno-stack-protector"]
    subprocess.run([*command, "-o", str(library), str(source)], check=True)
    for edit in (set_path("/a"), set_path(*LONG), set_path(*LONG, "/b"), ElfEdit(add_needed=("libz.so.1",))):
        edit_checked(library, edit)
    assert (read(library).machine, read(library).rpath) == ("i686", (*LONG, "/b"))
    strip(library)
    assert read(library).needed == ("libz.so.1",)


def test_short_edit_writes_only_what_differs(tmp_path: Path) -> None:
    library = build(tmp_path, runpath=["/some/where"])
    before = library.read_bytes()
    applied = edit_checked(library, set_path("/some/here"))
    assert applied.method == "overwrite"
    assert sum(len(w.data) for w in applied.changed) <= len("/some/where")
    after = library.read_bytes()
    changed = [i for i, (a, b) in enumerate(zip(before, after, strict=True)) if a != b]
    assert all(any(w.offset <= i < w.offset + len(w.data) for w in applied.changed) for i in changed)


def test_the_tag_is_kept(tmp_path: Path) -> None:
    cases = {"old": {"rpath": ["/a"]}, "new": {"runpath": ["/a"]}, "none": {}}
    tags = {}
    for name, options in cases.items():
        library = build(tmp_path, name=f"lib{name}.so", **options)
        edit_checked(library, set_path(*LONG))
        tags[name] = (bool(read(library).rpath), bool(read(library).runpath))
    assert tags == {"old": (True, False), "new": (False, True), "none": (True, False)}


def test_entries_are_added_and_dropped(tmp_path: Path) -> None:
    library = build(tmp_path, runpath=["/a", "$ORIGIN", "/b"])
    edit_checked(library, ElfEdit(drop_run_path=("/b", "/none")))
    assert read(library).runpath == ("/a", "$ORIGIN")
    edit_checked(library, ElfEdit(drop_run_path=("/a",), add_run_path=("/c", "$ORIGIN", "/c")))
    assert read(library).runpath == ("$ORIGIN", "/c")
    edit_checked(library, ElfEdit(drop_run_path=("$ORIGIN", "/c")))
    assert read(library).runpath == ()
    assert "RUNPATH" not in subprocess.run(["readelf", "-d", library], capture_output=True, text=True).stdout


def test_same_edit_twice_writes_once(tmp_path: Path) -> None:
    library = build(tmp_path)
    assert apply_edit(library, set_path(*LONG)).changed
    before = library.read_bytes()
    again = apply_edit(library, set_path(*LONG))
    assert (again.method, again.changed) == ("none", ())
    assert library.read_bytes() == before


def test_repeated_edits_reuse_what_the_first_one_appended(tmp_path: Path) -> None:
    library = build(tmp_path)
    first = edit_checked(library, set_path(*LONG))
    assert first.method == "displace"
    assert edit_checked(library, set_path("/b")).new_size == first.new_size
    assert edit_checked(library, set_path(*(e.replace("a", "b") for e in LONG))).new_size == first.new_size
    longer = edit_checked(library, set_path(*LONG, "/b"))
    assert longer.method == "grow"
    assert longer.new_size - longer.old_size <= len(":".join(LONG)) + 8
    for n in range(20):
        edit_checked(library, set_path(f"/{n}", *LONG[: n % 12]))
    assert library.stat().st_size == longer.new_size


def test_run_path_that_is_the_tail_of_a_symbol_is_not_overwritten(tmp_path: Path) -> None:
    """The linker stores ``tail`` inside of ``dog_tail``."""
    source = tmp_path / "a.c"
    source.write_text("int dog_tail(void) { return 7; }\nint answer(void) { return 42; }\n")
    library = tmp_path / "libt.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-rpath,tail", "-o", library, source], check=True)
    edit_checked(library, set_path("wag"))
    assert load(library, "dog_tail") == 7
    assert read(library).runpath == ("wag",)


def test_symbol_that_is_the_tail_of_a_run_path_is_not_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("int tail(void) { return 7; }\n")
    library = tmp_path / "libt.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-Wl,-rpath,/dog/tail", "-o", library, source], check=True)
    edit_checked(library, set_path("/x"))
    edit_checked(library, set_path(*LONG))
    assert load(library, "tail") == 7


def test_old_run_path_is_wiped(tmp_path: Path) -> None:
    """What looks for store paths in files must not find old ones."""
    library = build(tmp_path, runpath=["/nix/store/oldold"])
    edit_checked(library, set_path(*LONG))
    assert b"oldold" not in library.read_bytes()
    edit_checked(library, set_path("/short"))
    assert b"/nix/store" not in library.read_bytes()


def test_needed_is_added_replaced_and_removed(tmp_path: Path) -> None:
    library = build(tmp_path, needed=["liba.so.1", "libb.so.1"])
    edit_checked(library, ElfEdit(add_needed=("libnew.so.1", "liba.so.1")))
    assert read(library).needed == ("liba.so.1", "libb.so.1", "libc.so.6", "libnew.so.1")
    edit_checked(library, ElfEdit(replace_needed=(("libb.so.1", "libmuch-longer.so.1"),)))
    edit_checked(library, ElfEdit(remove_needed=("liba.so.1",), run_path=LONG))
    assert read(library).needed == ("libmuch-longer.so.1", "libc.so.6", "libnew.so.1")


def test_replaced_needed_takes_its_symbol_versions_along(tmp_path: Path) -> None:
    script, source = tmp_path / "map", tmp_path / "a.c"
    script.write_text("V_1 { global: versioned; local: *; };\n")
    source.write_text("int versioned(void) { return 42; }\n")
    for name in ("libold.so.1", "librenamed-and-longer.so.1"):
        flags = [f"-Wl,--version-script={script}", f"-Wl,-soname,{name}", "-o", str(tmp_path / name)]
        subprocess.run(["gcc", "-shared", "-fPIC", *flags, str(source)], check=True)
    user = tmp_path / "user.c"
    user.write_text("int versioned(void);\nint answer(void) { return versioned(); }\n")
    library = tmp_path / "libuser.so"
    path = f"-Wl,-rpath,{tmp_path}"
    subprocess.run(
        ["gcc", "-shared", "-fPIC", path, "-o", library, user, tmp_path / "libold.so.1"], check=True
    )
    with pytest.raises(EditRefused, match="asks for symbol versions of libold"):
        apply_edit(library, ElfEdit(remove_needed=("libold.so.1",)))
    edit_checked(library, ElfEdit(replace_needed=(("libold.so.1", "librenamed-and-longer.so.1"),)))
    (tmp_path / "libold.so.1").unlink()
    assert [v.soname for v in read(library).versions if v.versions == ("V_1",)] == [
        "librenamed-and-longer.so.1"
    ]
    assert load(library) == 42


def test_interpreter_of_any_length(tmp_path: Path) -> None:
    program = build(tmp_path, name="prog", executable=True)
    own = read(program).interpreter
    assert own
    link = tmp_path / ("x" * 60)
    link.symlink_to(own)
    for interpreter in (str(link), own, str(link)):
        edit_checked(program, ElfEdit(interpreter=interpreter))
        assert read(program).interpreter == interpreter
        subprocess.run([program], check=True)
        assert program.read_bytes().count(own.encode()) == (interpreter == own)
    edit_checked(program, ElfEdit(run_path=LONG, interpreter=own))
    subprocess.run([program], check=True)
    strip(program)
    subprocess.run([program], check=True)
    with pytest.raises(EditRefused, match="asks for no interpreter"):
        apply_edit(build(tmp_path), ElfEdit(interpreter="/ld.so"))


def test_program_with_everything_at_once(tmp_path: Path) -> None:
    program = build(tmp_path, name="prog", executable=True, flags=["-Wl,--spare-dynamic-tags=0"])
    own = read(program).interpreter
    assert own
    link = tmp_path / ("y" * 70)
    link.symlink_to(own)
    edit = ElfEdit(run_path=LONG, interpreter=str(link), add_needed=("libm.so.6",))
    edit_checked(program, edit)
    subprocess.run([program], check=True)
    assert read(program).needed == ("libc.so.6", "libm.so.6")


def test_revert_restores_every_byte(linked: Path) -> None:
    plain = linked.read_bytes()
    done = [apply_edit(linked, set_path(*entries)) for entries in (["/a"], LONG, (*LONG, "/b"), [])]
    for applied in reversed(done):
        revert_edit(linked, applied)
    assert linked.read_bytes() == plain


def test_revert_of_a_changed_file_is_refused(tmp_path: Path) -> None:
    library = build(tmp_path)
    applied = apply_edit(library, set_path(*LONG))
    apply_edit(library, set_path("/other"))
    before = library.read_bytes()
    with pytest.raises(ApplyError, match="was changed after the edit"):
        revert_edit(library, applied)
    assert library.read_bytes() == before


def test_plan_writes_nothing_and_says_what_apply_does(tmp_path: Path) -> None:
    library = build(tmp_path)
    library.chmod(0o444)
    before = library.read_bytes()
    plan = plan_file(library, set_path(*LONG))
    assert library.read_bytes() == before
    image = bytearray(before.ljust(plan.new_size, b"\0"))
    for write in plan.writes:
        image[write.offset : write.offset + len(write.data)] = write.data
    spans = sorted((w.offset, w.offset + len(w.data)) for w in plan.writes)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    library.chmod(0o644)
    apply_edit(library, set_path(*LONG))
    assert library.read_bytes() == bytes(image)


def test_new_data_is_written_before_the_headers_that_lead_to_it(tmp_path: Path) -> None:
    plan = plan_file(build(tmp_path), set_path(*LONG))
    assert plan.writes[0].offset >= plan.old_size
    assert plan.writes[-1].offset < 64


def test_library_keeps_inherited_run_path(tmp_path: Path) -> None:
    """A library without a run path finds its needs by the DT_RPATH of the program, also after an edit."""
    deep = tmp_path / "deep"
    deep.mkdir()
    (deep / "libdeep.so.1").write_bytes(build_elf(tmp_path, "libdeep.so.1", soname="libdeep.so.1"))
    inner = build(tmp_path, name="libinner.so.1", soname="libinner.so.1", needed=["libdeep.so.1"])
    flags = [str(inner), f"-L{deep}", "-Wl,--allow-shlib-undefined", f"-Wl,-rpath-link,{deep}"]
    program = build(tmp_path, name="prog", executable=True, rpath=[str(tmp_path), str(deep)], flags=flags)
    subprocess.run([program], check=True)
    edit_checked(inner, set_path("/nowhere"))
    subprocess.run([program], check=True)


@pytest.mark.parametrize("flags", [[], ["-s"], ["-Wl,-z,noseparate-code"]])
def test_strip_after_headers_at_the_end_takes_no_strings(tmp_path: Path, flags: list[str]) -> None:
    data = build_elf(tmp_path, "x.so", soname="x.so", needed=["libc.so.6"], runpath=["/x"], flags=flags)
    path = tmp_path / "x.so"
    path.write_bytes(move_headers_to_end(data))
    assert edit_checked(path, ElfEdit(run_path=LONG)).method == "grow"
    assert edit_checked(path, ElfEdit(run_path=(*LONG, *map(str.upper, LONG)))).method == "grow"
    before = read(path)
    strip(path)
    assert read(path) == before
    assert load(path) == 42


def test_headers_at_the_end_with_something_behind_the_strings_are_refused(tmp_path: Path) -> None:
    data = build_elf(tmp_path, "x.so", soname="x.so", runpath=["/x"], flags=["-Wl,--hash-style=gnu"])
    path = tmp_path / "x.so"
    path.write_bytes(move_headers_to_end(data, hash_last=True))
    assert load(path) == 42
    before = path.read_bytes()
    with pytest.raises(EditRefused, match="strip would lose"):
        apply_edit(path, ElfEdit(run_path=LONG))
    assert path.read_bytes() == before
    assert edit_checked(path, ElfEdit(run_path=("/y",))).method == "overwrite"
