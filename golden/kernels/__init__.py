"""Kernels: one file each with operands, NumPy reference and node program. Importing this package registers them all."""

from golden.kernels import gemm as gemm
from golden.kernels import relu as relu
from golden.kernels import sgd as sgd
from golden.kernels import softmax as softmax
from golden.kernels.job import KERNELS as KERNELS
