"""Kernels: a file each. Importing this package imports every module of the folder, which registers them all."""

import pkgutil
from importlib import import_module

from golden.kernels.kernel import KERNELS as KERNELS

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
