# libraries.nix, a module in imports of devenv.nix. Written by wheelfix.
# For pyodbc 5.5.0, from
# pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl.
{ pkgs, options, ... }:
{
  # devenv's own Python finds these libraries: the virtual environment has to be
  # made with it, as languages.python.venv.enable does. An interpreter that uv
  # fetched does not: `wheelfix patch` helps there.
  languages.python.enable = true;

  languages.python.libraries = options.languages.python.libraries.default ++ [
    # pyodbc: libgcc_s.so.1, libstdc++.so.6 for
    # pyodbc.cpython-312-x86_64-linux-gnu.so
    pkgs.stdenv.cc.cc.lib
    # pyodbc: libodbc.so.2 for pyodbc.cpython-312-x86_64-linux-gnu.so
    pkgs.unixodbc
  ];
}
