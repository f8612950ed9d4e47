"""Reads ELF bytes to :class:`wheelfix.model.elf.ElfObject`, from program headers alone."""
