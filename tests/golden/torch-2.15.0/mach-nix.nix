# Settings for mach-nix: mkPython ({ requirements = …; } // import ./this.nix {
# inherit pkgs; }). Written by wheelfix.
# For torch 2.15.0, from torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl.
# Opened by name, if at all, and left out because nixpkgs refuses them without
# allowUnfree: pkgs.cudaPackages_13.cuda_nvrtc (libnvrtc.so), pkgs.mkl
# (libmkl_avx2.so.2, libmkl_avx512.so.2, libmkl_def.so.2, libmkl_mc3.so.2,
# libmkl_vml_avx2.so.2, libmkl_vml_avx512.so.2, libmkl_vml_cmpt.so.2,
# libmkl_vml_def.so.2, libmkl_vml_mc3.so.2). `--prefer ATTR` writes one.
# Opened by name, where several would do, or for another GPU:
# pkgs.rocmPackages.amdsmi (libamd_smi.so), pkgs.rocmPackages.clr
# (libamdhip64.so, libhiprtc.so). `--prefer ATTR` writes one.
{ pkgs, lib ? pkgs.lib }:
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

        def find(name):
            path = libraries.get(os.fsdecode(name)) if name else None
            frame = sys._getframe(2) if path else None
            while frame:
                spec = frame.f_globals.get("__spec__")  # __name__ is "__main__" for python -m
                module = getattr(spec, "name", None) or frame.f_globals.get("__name__") or ""
                if (module + ".").startswith(own):
                    return path
                frame = frame.f_back
            return None

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

        search = ctypes.util.find_library

        def find_library(name):
            return find("lib" + name + ".so") or search(name)

        ctypes._dlopen = wrap(ctypes._dlopen)
        ctypes.util.find_library = find_library
        backend = sys.modules.get("_cffi_backend")
        if preload and not backend:
            try:
                import _cffi_backend as backend
            except ImportError:
                pass
        if backend:
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
    + lib.optionalString starts ''
      echo "import ${name}; ${name}.install()" > ${site}/${name}.pth
      echo "${name}:install" > ${site}/${name}.start
    '';
in
{
  _.torch.nativeBuildInputs.add = [
    # libcuda.so.1: in /run/opengl-driver/lib
    pkgs.autoAddDriverRunpath
  ];

  _.torch.autoPatchelfIgnoreMissingDeps = [
    # comes with the GPU driver, in /run/opengl-driver/lib
    "libcuda.so.1"
  ];

  _.torch.appendRunpaths.add = [
    # libibverbs.so.1, opened by torch/lib/libtorch_cpu.so
    "${lib.getLib pkgs.rdma-core}/lib"
  ];

  _.torch.postInstall.add =
    loaderShim
      pkgs.writeText
      "\$out/lib/python3*/site-packages"
      "_wheelfix_torch"
      {
        modules = [ "torch" ];
        libraries = {
          # torch/cuda/_utils.py: ctypes.CDLL("libcuda.so.1"), line 73: where
          # the GPU driver is differs, so a shim answers
          "libcuda.so.1" = "/run/opengl-driver/lib/libcuda.so.1";

          # torch/cuda/__init__.py: ctypes.CDLL("libnvidia-ml.so.1"), line 1102:
          # where the GPU driver is differs, so a shim answers
          "libnvidia-ml.so.1" = "/run/opengl-driver/lib/libnvidia-ml.so.1";

          # torch/_inductor/cpp_builder.py:
          # ctypes.util.find_library("ze_loader"), line 2298: no text in it can
          # be replaced for sure, so a shim answers
          "libze_loader.so" =
            "${lib.getLib pkgs.level-zero}/lib/libze_loader.so.1";
        };
      }
      true;
}
