"""What ``make sim`` trains: a file each. Importing this package imports every module of the folder, which registers them all."""

import pkgutil
from importlib import import_module

from golden.workloads.workload import WORKLOADS as WORKLOADS

for _module in pkgutil.iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
