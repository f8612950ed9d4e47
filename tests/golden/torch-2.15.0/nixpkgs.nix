# torch 2.15.0, from torch-2.15.0-cp312-cp312-manylinux_2_28_x86_64.whl. Written
# by wheelfix.
# Needs allowUnfree in the configuration of nixpkgs, for
# cudaPackages_13.cuda_cudart, cudaPackages_13.cuda_cupti,
# cudaPackages_13.cuda_nvrtc, cudaPackages_13.cudnn, cudaPackages_13.libcublas,
# cudaPackages_13.libcufft, cudaPackages_13.libcufile,
# cudaPackages_13.libcusolver, cudaPackages_13.libcusparse,
# cudaPackages_13.libcusparse_lt, cudaPackages_13.libnvshmem,
# cudaPackages_13.nccl.
# For Python 3.12: python312Packages.callPackage.
# Warning: it wants nvidia-cudnn-cu13 9.26.0.51, and nixpkgs has
# cudaPackages_13.cudnn 9.22.0.52, which is older.
# Warning: it wants nvidia-nvshmem-cu13 3.7.2, and nixpkgs has
# cudaPackages_13.libnvshmem 3.6.5-0, which is older.
# Opened by name, if at all, and left out because nixpkgs refuses them without
# allowUnfree: pkgs.cudaPackages_13.cuda_nvrtc (libnvrtc.so), pkgs.mkl
# (libmkl_avx2.so.2, libmkl_avx512.so.2, libmkl_def.so.2, libmkl_mc3.so.2,
# libmkl_vml_avx2.so.2, libmkl_vml_avx512.so.2, libmkl_vml_cmpt.so.2,
# libmkl_vml_def.so.2, libmkl_vml_mc3.so.2). `--prefer ATTR` writes one.
# Opened by name, where several would do, or for another GPU: pkgs.level-zero
# (libze_loader.so), pkgs.rocmPackages.amdsmi (libamd_smi.so),
# pkgs.rocmPackages.clr (libamdhip64.so, libhiprtc.so). `--prefer ATTR` writes
# one.
{
  lib,
  buildPythonPackage,
  fetchPypi,
  autoPatchelfHook,
  autoAddDriverRunpath,
  python,
  cudaPackages_13,
  rdma-core,
  stdenv,
  writeText,
  zlib,
  cuda-bindings,
  filelock,
  fsspec,
  jinja2,
  networkx,
  setuptools,
  sympy,
  triton,
  typing-extensions,
}:
let
  loaderCode = ''
    """Lets one distribution open libraries by their names, which no directory has that the loader searches.

    Written by wheelfix. It waits for the import of one of the modules in TABLE, and then answers for their code
    alone: where that asks for a name in TABLE, it gets the library at the path beside it. Environment variables
    in TABLE are set at that time, for the whole process: programs that it starts read them too.
    """

    import _thread
    import sys

    TABLE = {"modules": [], "libraries": {}, "preload": [], "variables": {}}
    _LOCK = _thread.RLock()
    _DONE = []


    class _Watch:
        def find_spec(self, name, path=None, target=None):
            if name in TABLE["modules"]:
                _answer()
            elif sys.meta_path[0] is not self and self in sys.meta_path:
                # A finder that stands before this one may answer for the module that is waited for.
                sys.meta_path = [self] + [finder for finder in sys.meta_path if finder is not self]


    _WATCH = _Watch()


    def install():
        if _is_own(sys._getframe(1), TABLE) or any(name in sys.modules for name in TABLE["modules"]):
            _answer()
        elif not _DONE and _WATCH not in sys.meta_path:
            sys.meta_path.insert(0, _WATCH)


    def _answer():
        with _LOCK:
            try:
                if not _DONE:
                    _DONE.append(True)
                    _wrap(**TABLE)
            except Exception:  # what is imported fails or works as it does without this
                pass
            # A list that shrinks while imports go through it makes them skip a finder: it gets another one.
            if _WATCH in sys.meta_path:
                sys.meta_path = [finder for finder in sys.meta_path if finder is not _WATCH]


    def _is_own(frame, table):
        spec = frame.f_globals.get("__spec__")  # __name__ is "__main__" for python -m
        module = getattr(spec, "name", None) or frame.f_globals.get("__name__")
        return isinstance(module, str) and (module + ".").startswith(tuple(n + "." for n in table["modules"]))


    def _find(name):
        path = TABLE["libraries"].get(name)
        return path if path and _is_asked(name) else None


    def _is_asked(name):
        shims = [module for key, module in list(sys.modules.items()) if key.startswith("_wheelfix_")]
        tables = [getattr(module, "TABLE", TABLE) for module in shims]
        others = [table for table in tables if table is not TABLE and name in table["libraries"]]
        frame = sys._getframe(1)
        while frame:
            if _is_own(frame, TABLE):
                return True
            # Code that was called by a module of TABLE asks for that; code that was imported asks for itself.
            if frame.f_code.co_name == "<module>" or any(_is_own(frame, table) for table in others):
                return False
            frame = frame.f_back
        return False


    def _wrap(modules, libraries, preload, variables):
        import os

        os.environ.update(variables)
        if not libraries:
            return
        import _ctypes
        import ctypes.util

        # What find_library returns where a cache knows all is the file's name, which may be asked for in turn.
        for path in list(libraries.values()):
            libraries.setdefault(os.path.basename(path), path)

        def wrap(load):
            def open_library(name=None, *more, **named):
                path = _find(os.fsdecode(name)) if isinstance(name, (str, bytes, os.PathLike)) else None
                if not path:
                    return load(name, *more, **named)
                try:
                    return load(path, *more, **named)
                except OSError as error:
                    first = error
                try:
                    return load(name, *more, **named)  # whatever that leads to is better than nothing
                except OSError:
                    if os.path.exists(path):
                        raise first from None
                    raise

            return open_library

        search, open_plainly = ctypes.util.find_library, ctypes._dlopen

        def find_library(name):
            path = _find("lib" + name + ".so") if isinstance(name, str) else None
            found = path if path and os.path.exists(path) else search(name)
            # The C library is there, but Python looks for it with ldconfig and a compiler.
            if not found and name in ("c", "m") and _is_asked("lib" + name + ".so.6"):
                try:
                    open_plainly("lib" + name + ".so.6", ctypes.DEFAULT_MODE)
                    found = "lib" + name + ".so.6"
                except OSError:
                    pass
            return found

        ctypes._dlopen = wrap(ctypes._dlopen)
        _ctypes.dlopen = wrap(_ctypes.dlopen)
        ctypes.util.find_library = find_library
        try:
            import _cffi_backend  # whoever opens the libraries may import it only later

            _cffi_backend.load_library = wrap(_cffi_backend.load_library)
        except ImportError:
            pass
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
buildPythonPackage rec {
  pname = "torch";
  version = "2.15.0";
  format = "wheel";
  # the wheel is for these interpreters alone; a t is free-threaded
  disabled = python.libPrefix != "python3.12";

  src = fetchPypi {
    inherit pname version format;
    dist = "cp312";
    python = "cp312";
    abi = "cp312";
    platform = "manylinux_2_28_x86_64";
    hash = "sha256-bYyG9OM6nxKlgUm9mw1kNRYyuOtER5vo/4XlOJky3Xk=";
  };
  nativeBuildInputs = [ autoPatchelfHook autoAddDriverRunpath ];
  buildInputs = [
    # libcudart.so.13 for torch/lib/libc10_cuda.so, torch/lib/libtorch_cpu.so
    # and 5 more; in place of nvidia-cuda-runtime
    cudaPackages_13.cuda_cudart
    # libcupti.so.13 for torch/lib/libtorch_cpu.so; in place of
    # nvidia-cuda-cupti
    cudaPackages_13.cuda_cupti
    # libnvrtc.so.13 for torch/lib/libcaffe2_nvrtc.so,
    # torch/lib/libtorch_cuda.so; in place of nvidia-cuda-nvrtc
    cudaPackages_13.cuda_nvrtc
    # libcudnn.so.9 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_python.so; in place of nvidia-cudnn-cu13
    cudaPackages_13.cudnn
    # libcublas.so.13, libcublasLt.so.13 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cublas
    cudaPackages_13.libcublas
    # libcufft.so.12 for torch/lib/libtorch_cuda.so; in place of nvidia-cufft
    cudaPackages_13.libcufft
    # libcufile.so.0 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_python.so; in place of nvidia-cufile
    cudaPackages_13.libcufile
    # libcusolver.so.12 for torch/lib/libtorch_cuda_linalg.so; in place of
    # nvidia-cusolver
    cudaPackages_13.libcusolver
    # libcusparse.so.12 for torch/lib/libtorch_cuda.so,
    # torch/lib/libtorch_cuda_linalg.so; in place of nvidia-cusparse
    cudaPackages_13.libcusparse
    # libcusparseLt.so.0 for torch/lib/libtorch_cuda.so; in place of
    # nvidia-cusparselt-cu13
    cudaPackages_13.libcusparse_lt
    # libnvshmem_host.so.3 for torch/lib/libtorch_nvshmem.so; in place of
    # nvidia-nvshmem-cu13
    cudaPackages_13.libnvshmem
    # libnccl.so.2 for torch/lib/libtorch_cuda.so; in place of nvidia-nccl-cu13
    cudaPackages_13.nccl
    # libgcc_s.so.1, libquadmath.so.0, libstdc++.so.6 for torch/bin/protoc,
    # torch/bin/protoc-3.21.12.0 and 12 more
    stdenv.cc.cc.lib
    # libz.so.1 for torch/lib/libgfortran.so.5
    zlib
  ];

  autoPatchelfIgnoreMissingDeps = [
    # comes with the GPU driver, in /run/opengl-driver/lib
    "libcuda.so.1"
  ];

  appendRunpaths = [
    # libibverbs.so.1, opened by torch/lib/libtorch_cpu.so
    "${lib.getLib rdma-core}/lib"
  ];

  # strip breaks libraries that patchelf has changed
  dontStrip = true;

  # Kept: cuda-bindings (nothing shows it to be only linked); triton
  # (torch/_dynamo/device_interface.py:381 imports it). What they require is
  # known from wheelfix's own table.
  pythonRemoveDeps = [
    "cuda-toolkit"
    "nvidia-cudnn-cu13"
    "nvidia-cusparselt-cu13"
    "nvidia-nccl-cu13"
    "nvidia-nvshmem-cu13"
  ];

  dependencies = [
    cuda-bindings
    filelock
    fsspec
    jinja2
    networkx
    setuptools
    sympy
    triton
    typing-extensions
  ];

  postInstall =
    ''
      # torch/cuda/__init__.py: starts the shim
      substituteInPlace $out/${python.sitePackages}/torch/cuda/__init__.py --replace-fail 'import glob' 'import _wheelfix_torch; _wheelfix_torch.install(); import glob'
      # torch/cuda/_utils.py: starts the shim
      substituteInPlace $out/${python.sitePackages}/torch/cuda/_utils.py --replace-fail 'import ctypes' 'import _wheelfix_torch; _wheelfix_torch.install(); import ctypes'
    ''
    + loaderShim
      writeText
      "\$out/${python.sitePackages}"
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
        };
      }
      false;
  pythonImportsCheck = [ "torch" ];
  meta = {
    description =
      "Tensors and Dynamic neural networks in Python with strong GPU acceleration";
    homepage = "https://pytorch.org";
    # Apache-2.0 AND Apache-2.0 WITH LLVM-exception AND BSD-2-Clause AND
    # BSD-3-Clause AND BSL-1.0 AND ISC AND MIT AND Zlib
    license = [
      lib.licenses.asl20
      lib.licenses.llvm-exception
      lib.licenses.bsd2
      lib.licenses.bsd3
      lib.licenses.boost
      lib.licenses.isc
      lib.licenses.mit
      lib.licenses.zlib
    ];
    sourceProvenance = [ lib.sourceTypes.binaryNativeCode ];
    platforms = [ "x86_64-linux" ];
  };
}
