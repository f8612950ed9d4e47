# A module of devenv: libraries for its Python. Written by wheelfix.
# Save it as libraries.nix beside devenv.nix, and add ./libraries.nix to the
# imports there.
# devenv's own Python finds these libraries: the virtual environment has to be
# made with it, as languages.python.venv.enable does. An interpreter that uv
# fetched does not: `wheelfix patch` helps there.
# For soundfile 0.14.0, from
# soundfile-0.14.0-py2.py3-none-manylinux_2_28_x86_64.whl.
{ pkgs, ... }: { languages.python.enable = true; }
