# Overlay for a Python package set (packageOverrides). Written by wheelfix.
final: prev:
let
  loaderCode = ''
    """Lets one distribution open libraries by their names, which no directory has that the loader searches.

    Written by wheelfix. It waits for the import of one of the modules in TABLE, and then answers for their code
    alone: where that asks for a name in TABLE, it gets the library at the path beside it.
    """

    import sys

    TABLE = {"modules": [], "libraries": {}, "preload": []}


    class _Watch:
        def find_spec(self, name, path=None, target=None):
            if name in TABLE["modules"] and self in sys.meta_path:
                sys.meta_path.remove(self)
                _answer(**TABLE)


    def install():
        if any(name in sys.modules for name in TABLE["modules"]):
            _answer(**TABLE)
        else:
            sys.meta_path.insert(0, _Watch())


    def _answer(modules, libraries, preload):
        import ctypes.util
        import os

        own = tuple(name + "." for name in modules)

        def is_own(frame):
            while frame:
                spec = frame.f_globals.get("__spec__")  # __name__ is "__main__" for python -m
                module = getattr(spec, "name", None) or frame.f_globals.get("__name__") or ""
                if (module + ".").startswith(own):
                    return True
                frame = frame.f_back
            return False

        def find(name):
            path = libraries.get(os.fsdecode(name)) if name else None
            return path if path and is_own(sys._getframe(2)) else None

        def wrap(load):
            def open_library(name=None, *more, **named):
                path = find(name)
                if path:
                    try:
                        return load(path, *more, **named)
                    except OSError:
                        pass  # whatever the name alone leads to is better than nothing
                return load(name, *more, **named)

            return open_library

        search, open_plainly = ctypes.util.find_library, ctypes._dlopen

        def find_library(name):
            found = find("lib" + name + ".so") or search(name)
            # The C library is there, but Python looks for it with ldconfig and a compiler.
            if not found and name in ("c", "m") and is_own(sys._getframe(1)):
                try:
                    open_plainly("lib" + name + ".so.6", ctypes.DEFAULT_MODE)
                    found = "lib" + name + ".so.6"
                except OSError:
                    pass
            return found

        ctypes._dlopen = wrap(ctypes._dlopen)
        ctypes.util.find_library = find_library
        try:
            import _cffi_backend as backend  # whoever opens the libraries may import it only later
        except ImportError:
            pass
        else:
            backend.load_library = wrap(backend.load_library)
        # cffi's compiled modules call dlopen themselves: a library that is loaded already is found by its soname.
        for path in preload:
            try:
                ctypes.CDLL(path)
            except OSError:
                pass
  '';

  # Finds libraries for one package by the names that it opens. A .pth file
  # starts it with the interpreter, and a .start file from Python 3.15 on
  loaderShim =
    writeText: site: name: table: starts:
    ''
      cp ${writeText "${name}.py" (loaderCode + "TABLE.update(${builtins.toJSON table})\n")} ${site}/${name}.py
    ''
    + prev.lib.optionalString starts ''
      echo "import ${name}; ${name}.install()" > ${site}/${name}.pth
      echo "${name}:install" > ${site}/${name}.start
    '';
in
{
  # numba 0.68.1, from
  # numba-0.68.1-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl
  # For Python 3.12: python312Packages.callPackage.
  # Opened by name, if at all, and left out because nixpkgs refuses them without
  # allowUnfree: pkgs.cudaPackages.cuda_nvcc (libcudadevrt.so, libcudart.so,
  # libnvrtc.so, libnvvm.so). `--prefer ATTR` writes one.
  numba =
    final.callPackage
      (
        {
          lib,
          buildPythonPackage,
          fetchPypi,
          autoPatchelfHook,
          python,
          onetbb,
          stdenv,
          writeText,
          llvmlite,
          numpy,
        }:
        buildPythonPackage rec {
          pname = "numba";
          version = "0.68.1";
          format = "wheel";
          # the wheel is for these interpreters alone; a t is free-threaded
          disabled = python.libPrefix != "python3.12";

          src = fetchPypi {
            inherit pname version format;
            dist = "cp312";
            python = "cp312";
            abi = "cp312";
            platform = "manylinux_2_27_x86_64.manylinux_2_28_x86_64";
            hash = "sha256-izP+4jkZS5tsubF288JWO5TliC/YRnSK0M+WDa7uVAY=";
          };
          nativeBuildInputs = [ autoPatchelfHook ];
          buildInputs = [
            # libtbb.so.12 for
            # numba/np/ufunc/tbbpool.cpython-312-x86_64-linux-gnu.so
            onetbb
            # libgcc_s.so.1, libgomp.so.1.0.0, libstdc++.so.6 for
            # numba/_devicearray.cpython-312-x86_64-linux-gnu.so,
            # numba/_dispatcher.cpython-312-x86_64-linux-gnu.so and 5 more
            stdenv.cc.cc.lib
          ];

          # strip breaks libraries that patchelf has changed
          dontStrip = true;
          dependencies = [ llvmlite numpy ];
          postInstall =
            ''
              # numba/np/ufunc/parallel.py: ctypes.CDLL(libtbb_name), line 361, with "libtbb.so.12" of line 358: the source gets its path
              substituteInPlace $out/${python.sitePackages}/numba/np/ufunc/parallel.py --replace-fail "'libtbb.so.12'" "'${lib.getLib onetbb}/lib/libtbb.so.12'"
              # numba/cuda/cudadrv/driver.py: starts the shim
              substituteInPlace $out/${python.sitePackages}/numba/cuda/cudadrv/driver.py --replace-fail 'import sys' 'import _wheelfix_numba; _wheelfix_numba.install(); import sys'
            ''
            + loaderShim
              writeText
              "\$out/${python.sitePackages}"
              "_wheelfix_numba"
              {
                modules = [ "numba" ];
                libraries = {
                  # numba/cuda/cudadrv/driver.py: ctypes.CDLL(path), line 152,
                  # with "libcuda.so.1" of line 122: where the GPU driver is
                  # differs, so a shim answers
                  "libcuda.so.1" = "/run/opengl-driver/lib/libcuda.so.1";
                };
              }
              false;
          pythonImportsCheck = [ "numba" ];
          meta = {
            description = "Compiling Python code using LLVM";
            homepage = "https://numba.pydata.org";
            license = lib.licenses.bsd2;
            sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
            platforms = [ "x86_64-linux" ];
          };
        }
      )
      { };

  # pyodbc 5.5.0, from
  # pyodbc-5.5.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl
  # For Python 3.12: python312Packages.callPackage.
  pyodbc =
    final.callPackage
      (
        {
          lib,
          buildPythonPackage,
          fetchPypi,
          autoPatchelfHook,
          python,
          stdenv,
          unixodbc,
        }:
        buildPythonPackage rec {
          pname = "pyodbc";
          version = "5.5.0";
          format = "wheel";
          # the wheel is for these interpreters alone; a t is free-threaded
          disabled = python.libPrefix != "python3.12";

          src = fetchPypi {
            inherit pname version format;
            dist = "cp312";
            python = "cp312";
            abi = "cp312";
            platform = "manylinux_2_24_x86_64.manylinux_2_28_x86_64";
            hash = "sha256-TuZNuAo83Ph74iNNN5ODOzJPvRH75ziv2rpGykeMrBM=";
          };
          nativeBuildInputs = [ autoPatchelfHook ];
          buildInputs = [
            # libgcc_s.so.1, libstdc++.so.6 for
            # pyodbc.cpython-312-x86_64-linux-gnu.so
            stdenv.cc.cc.lib
            # libodbc.so.2 for pyodbc.cpython-312-x86_64-linux-gnu.so
            unixodbc
          ];

          # strip breaks libraries that patchelf has changed
          dontStrip = true;
          pythonImportsCheck = [ "pyodbc" ];
          meta = {
            description = "DB API module for ODBC";
            homepage = "https://github.com/mkleehammer/pyodbc";
            license = lib.licenses.mit0;
            sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
            platforms = [ "x86_64-linux" ];
          };
        }
      )
      { };
}
