#!/usr/bin/env bash
# Makes fixtures/elf: a program and a library for MIPS, big-endian and of 32 bits, which no wheel is for.
# Needs Debian's binutils-mips-linux-gnu.
#   bash scripts/build_foreign_elf.sh
set -euo pipefail
cd "$(dirname "$0")/../fixtures/elf"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/a.s" <<'END'
	.globl answer
	.type answer,@function
	.text
answer:
	li $2,42
	jr $31
	nop
	.globl __start
	.type __start,@function
__start:
	nop
	.comm buffer,64
	.section .note.GNU-stack,""
END
mips-linux-gnu-as -KPIC -o "$work/a.o" "$work/a.s"
mips-linux-gnu-ld -pie --dynamic-linker=/lib/ld.so.1 -o mips-program "$work/a.o"
mips-linux-gnu-ld -shared -soname libm.so.1 -rpath '$ORIGIN' -o mips-library.so "$work/a.o"
chmod -x mips-program mips-library.so
