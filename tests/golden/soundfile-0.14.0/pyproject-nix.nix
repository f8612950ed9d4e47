# Overlay for a package set of pyproject.nix, whose wheels have no hooks yet.
# Written by wheelfix.
# soundfile 0.14.0, from
# soundfile-0.14.0-py2.py3-none-manylinux_2_28_x86_64.whl: nothing to add.
# Opened by name at run time, if at all; where one is wanted, add the
# attribute's lib directory to appendRunpaths, or to LD_LIBRARY_PATH if Python
# code opens it:
# - pkgs.libsndfile: libsndfile.so (soundfile.py)
{ pkgs, lib, ... }: final: prev: { }
