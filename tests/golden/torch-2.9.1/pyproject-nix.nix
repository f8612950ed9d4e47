# Overlay for a package set of pyproject.nix, whose wheels have no hooks yet.
# Written by wheelfix.
{ pkgs, lib, ... }:
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
final: prev: lib.optionalAttrs (prev ? torch) {
  # torch 2.9.1, from torch-2.9.1-cp312-cp312-manylinux_2_28_x86_64.whl
  # Opened by name, if at all, and left out because nixpkgs refuses them without
  # allowUnfree: pkgs.cudaPackages.cuda_nvrtc (libnvrtc.so), pkgs.mkl
  # (libmkl_avx2.so.2, libmkl_avx512.so.2, libmkl_def.so.2, libmkl_mc3.so.2,
  # libmkl_vml_avx2.so.2, libmkl_vml_avx512.so.2, libmkl_vml_cmpt.so.2,
  # libmkl_vml_def.so.2, libmkl_vml_mc3.so.2). `--prefer ATTR` writes one.
  # Opened by name, where several would do, or for another GPU:
  # pkgs.rocmPackages.amdsmi (libamd_smi.so). `--prefer ATTR` writes one.
  torch = prev.torch.overrideAttrs (old: {
    nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ [
      # nothing adds it for this kind of wheel
      pkgs.autoPatchelfHook
      # libcuda.so.1: found in /run/opengl-driver/lib at run time
      pkgs.autoAddDriverRunpath
    ];

    buildInputs = (old.buildInputs or [ ]) ++ [
      # libgcc_s.so.1, libstdc++.so.6 for
      # functorch/_C.cpython-312-x86_64-linux-gnu.so, torch/bin/protoc and 12
      # more
      pkgs.stdenv.cc.cc.lib
    ];

    autoPatchelfIgnoreMissingDeps =
      (old.autoPatchelfIgnoreMissingDeps or [ ]) ++ [
        # comes with the GPU driver, in /run/opengl-driver/lib
        "libcuda.so.1"
      ];

    appendRunpaths = (old.appendRunpaths or [ ]) ++ [
      # libibverbs.so.1, opened by torch/lib/libtorch_cpu.so
      "${lib.getLib pkgs.rdma-core}/lib"
    ];

    preFixup =
      (old.preFixup or "")
      + lib.optionalString (final ? nvidia-cublas-cu12) ''
        # libcublas.so.12, libcublasLt.so.12 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cublas-cu12}/${final.python.sitePackages}/nvidia/cublas/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-cupti-cu12) ''
        # libcupti.so.12 for torch/lib/libtorch_cpu.so
        addAutoPatchelfSearchPath ${final.nvidia-cuda-cupti-cu12}/${final.python.sitePackages}/nvidia/cuda_cupti/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-nvrtc-cu12) ''
        # libnvrtc.so.12 for torch/lib/libcaffe2_nvrtc.so
        addAutoPatchelfSearchPath ${final.nvidia-cuda-nvrtc-cu12}/${final.python.sitePackages}/nvidia/cuda_nvrtc/lib
      ''
      + lib.optionalString (final ? nvidia-cuda-runtime-cu12) ''
        # libcudart.so.12 for torch/lib/libc10_cuda.so, torch/lib/libtorch_cpu.so and 4 more
        addAutoPatchelfSearchPath ${final.nvidia-cuda-runtime-cu12}/${final.python.sitePackages}/nvidia/cuda_runtime/lib
      ''
      + lib.optionalString (final ? nvidia-cudnn-cu12) ''
        # libcudnn.so.9 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_python.so
        addAutoPatchelfSearchPath ${final.nvidia-cudnn-cu12}/${final.python.sitePackages}/nvidia/cudnn/lib
      ''
      + lib.optionalString (final ? nvidia-cufft-cu12) ''
        # libcufft.so.11 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-cufft-cu12}/${final.python.sitePackages}/nvidia/cufft/lib
      ''
      + lib.optionalString (final ? nvidia-cufile-cu12) ''
        # libcufile.so.0 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_python.so
        addAutoPatchelfSearchPath ${final.nvidia-cufile-cu12}/${final.python.sitePackages}/nvidia/cufile/lib
      ''
      + lib.optionalString (final ? nvidia-curand-cu12) ''
        # libcurand.so.10 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-curand-cu12}/${final.python.sitePackages}/nvidia/curand/lib
      ''
      + lib.optionalString (final ? nvidia-cusolver-cu12) ''
        # libcusolver.so.11 for torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cusolver-cu12}/${final.python.sitePackages}/nvidia/cusolver/lib
      ''
      + lib.optionalString (final ? nvidia-cusparse-cu12) ''
        # libcusparse.so.12 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_cuda_linalg.so
        addAutoPatchelfSearchPath ${final.nvidia-cusparse-cu12}/${final.python.sitePackages}/nvidia/cusparse/lib
      ''
      + lib.optionalString (final ? nvidia-cusparselt-cu12) ''
        # libcusparseLt.so.0 for torch/lib/libtorch_cuda.so, torch/lib/libtorch_python.so
        addAutoPatchelfSearchPath ${final.nvidia-cusparselt-cu12}/${final.python.sitePackages}/cusparselt/lib
      ''
      + lib.optionalString (final ? nvidia-nccl-cu12) ''
        # libnccl.so.2 for torch/lib/libtorch_cuda.so
        addAutoPatchelfSearchPath ${final.nvidia-nccl-cu12}/${final.python.sitePackages}/nvidia/nccl/lib
      ''
      + lib.optionalString (final ? nvidia-nvshmem-cu12) ''
        # libnvshmem_host.so.3 for torch/lib/libtorch_nvshmem.so
        addAutoPatchelfSearchPath ${final.nvidia-nvshmem-cu12}/${final.python.sitePackages}/nvidia/nvshmem/lib
      '';

    postInstall =
      (old.postInstall or "")
      + loaderShim
        pkgs.writeText
        "\$out/${final.python.sitePackages}"
        "_wheelfix_torch"
        {
          modules = [ "torch" ];
          libraries = {
            # torch/cuda/_utils.py: ctypes.CDLL("libcuda.so.1"), line 16: where
            # the GPU driver is differs, so a shim answers
            "libcuda.so.1" = "/run/opengl-driver/lib/libcuda.so.1";

            # torch/cuda/__init__.py: ctypes.CDLL("libnvidia-ml.so.1"), line
            # 824: where the GPU driver is differs, so a shim answers
            "libnvidia-ml.so.1" = "/run/opengl-driver/lib/libnvidia-ml.so.1";

            # torch/_inductor/cpp_builder.py:
            # ctypes.util.find_library("ze_loader"), line 1603: no text in it
            # can be replaced for sure, so a shim answers
            "libze_loader.so" =
              "${lib.getLib pkgs.level-zero}/lib/libze_loader.so.1";
          };
        }
        true;
  });
}
