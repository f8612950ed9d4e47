"""The editor of run paths: one ELF file, in place."""
