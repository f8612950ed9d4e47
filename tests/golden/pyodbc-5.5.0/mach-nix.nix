# Settings for mach-nix: mkPython ({ requirements = …; } // import ./this.nix {
# inherit pkgs; }). Written by wheelfix.
# For pyodbc 5.5.0, from
# pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl.
{ pkgs }:
{
  _.pyodbc.buildInputs.add = [
    # libodbc.so.2 for pyodbc.cpython-312-x86_64-linux-gnu.so
    pkgs.unixodbc
  ];
}
