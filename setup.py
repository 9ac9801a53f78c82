"""Build the Cython modules; everything else is in pyproject.toml.

``RINGFENCE_DEBUG=1`` builds with bounds, overflow and None checks on (the whole suite must pass there too);
``RINGFENCE_TEST=1`` compiles the failpoints in (``ipc/failpoint.h``), and only the modules that have some; ``.ci/failpoint-build`` puts them beside the
others, never in place;
``RINGFENCE_COMPILED=1`` takes the modules that are in place (for an editable install after ``build_ext --inplace``: pip would compile them once more).
Cython's HTML pages are written beside the C under ``build/``: ``tests/core/test_nogil.py`` reads them.
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, find_packages, setup

for name in ("core", "ipc", "gateways", "strategies", "tools", "backtest", "bench"):  # a download without links: restore them
    link = Path("src/ringfence", name)
    if not link.is_dir():
        link.unlink(missing_ok=True)
        link.symlink_to(Path("../..", name))

DEBUG = bool(os.environ.get("RINGFENCE_DEBUG"))
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "cdivision": True,
    "embedsignature": True,
    "auto_pickle": False,
}
FAILPOINTS = [("RF_TEST", "1")] if os.environ.get("RINGFENCE_TEST") else []
FLAGS = ["-std=gnu11", "-O2" if DEBUG else "-O3", "-g", "-fno-strict-aliasing", "-Wall", "-Wno-unused-function"]

HEADERS = sorted(str(path) for folder in ("ipc", "gateways/fix") for path in Path(folder).glob("*.h"))

sources = [] if os.environ.get("RINGFENCE_COMPILED") else [p for pattern in ("*/*.pyx", "*/*/*.pyx") for p in sorted(Path("src").glob(f"ringfence/{pattern}"))]
modules = [
    Extension(
        ".".join(path.with_suffix("").parts[1:]),
        [str(path)],
        include_dirs=["ipc", "strategies"],
        define_macros=FAILPOINTS,
        extra_compile_args=FLAGS,
        depends=sorted({*HEADERS, *map(str, path.resolve().parent.glob("*.h"))}),
    )
    for path in sources
]

modules = cythonize(modules, build_dir="build/cython", include_path=["src"], compiler_directives=DIRECTIVES, annotate=True, nthreads=2)
if FAILPOINTS:  # the others are the same in both builds
    modules = [module for module in modules if '"failpoint.h"' in Path(module.sources[0]).read_text()]

setup(packages=find_packages("src"), package_dir={"": "src"}, ext_modules=modules)
