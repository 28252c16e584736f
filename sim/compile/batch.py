"""Runs a component over arrays, one row of inputs a clock cycle, in compiled code: millions of vectors in seconds.

    batch = Batch(FmaLane())
    out = batch.run({"a": a, "b": b, "c": c})     # arrays of n rows
    out["result"][6:]                             # belongs to the inputs of row 0 on

Row k of an output is what the port shows in cycle k, while row k of the inputs is applied; a result that leaves through
L flip-flops is in row k + L. The component keeps its state between calls. Ports of at most 32 bits are uint32 arrays,
of at most 64 bits uint64, wider ones uint32 arrays of shape (n, words), lowest word first.
"""

import ctypes
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from amaranth.lib import wiring

from sim.compile.elaborate import elaborate
from sim.compile.verilator import QUICK, build_engine

_SOURCE = """// Made by sim/compile/batch.py.
#include "Vtop.h"
#include <cstdint>
#include <cstring>
extern "C" void* batch_make() {{
    auto* top = new Vtop;
{reset}
    return top;
}}
extern "C" void batch_run(void* handle, long rows, const uint32_t* in, uint32_t* out) {{
    auto* top = static_cast<Vtop*>(handle);
    for (long row = 0; row < rows; ++row, in += {in_words}, out += {out_words}) {{
{write}
        top->eval();
{read}
{edge}
    }}
}}
"""
_RESET = "    top->rst = 1;\n    for (int i = 0; i < 8; ++i) { top->clk = i & 1; top->eval(); }\n"
# The clock falls together with the first row's inputs, as it does for every other row.
_RESET += "    top->rst = 0;\n    top->clk = 0;"
_EDGE = "        top->clk = 1;\n        top->eval();\n        top->clk = 0;"


def _words(port: Mapping[str, Any]) -> int:
    return (port["width"] + 31) // 32


class Batch:
    """A compiled component with its clock.

    Parameters
    ----------
    component: fresh; its ports as the manifest names them.
    flags: further flags for Verilator.

    Raises BuildError when a tool refuses the design.
    """

    def __init__(self, component: wiring.Component, flags: tuple[str, ...] = ()):
        design = elaborate(component)
        manifest = design.manifest
        hidden = {manifest["clock"], manifest["reset"]}
        ports = [port for port in manifest["ports"] if port["name"] not in hidden]
        self._in = [port for port in ports if port["direction"] == "input"]
        self._out = [port for port in ports if port["direction"] == "output"]
        source = _SOURCE.format(
            reset=_RESET if manifest["reset"] else "",
            in_words=sum(map(_words, self._in)),
            out_words=sum(map(_words, self._out)),
            write="\n".join(self._copies(self._in, write=True)),
            read="\n".join(self._copies(self._out, write=False)),
            edge=_EDGE if manifest["clock"] else "",
        )

        library = build_engine(design, [], texts={"batch.cpp": source}, name="batch", shared=True, flags=flags, level=QUICK)
        self._library = ctypes.CDLL(str(library))
        self._library.batch_make.restype = ctypes.c_void_p
        self._library.batch_run.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self._handle = self._library.batch_make()
        self.inputs = {port["name"]: port["width"] for port in self._in}

    def run(self, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Outputs of as many cycles as the longest input has rows; a missing input is 0, a scalar holds.

        Raises ValueError for an input that is no port.
        """
        packed = self._pack(inputs)
        out = np.zeros((len(packed), sum(map(_words, self._out))), dtype=np.uint32)
        self._library.batch_run(self._handle, len(packed), packed.ctypes.data, out.ctypes.data)
        result = {}
        at = 0
        for port in self._out:
            words = _words(port)
            part = out[:, at : at + words]
            if words == 1:
                result[port["name"]] = part[:, 0].copy()
            elif words == 2:
                result[port["name"]] = part[:, 0] | part[:, 1].astype(np.uint64) << np.uint64(32)
            else:
                result[port["name"]] = part.copy()
            at += words
        return result

    def seconds(self, inputs: Mapping[str, Any]) -> float:
        """Time that the compiled loop takes for these inputs, without packing them."""
        packed = self._pack(inputs)
        out = np.zeros((len(packed), sum(map(_words, self._out))), dtype=np.uint32)
        began = time.perf_counter()
        self._library.batch_run(self._handle, len(packed), packed.ctypes.data, out.ctypes.data)
        return time.perf_counter() - began

    def _pack(self, inputs: Mapping[str, Any]) -> np.ndarray:
        unknown = set(inputs) - set(self.inputs)
        if unknown:
            raise ValueError(f"no input called {sorted(unknown)}, inputs are {list(self.inputs)}")
        rows = max(np.shape(array)[0] for array in inputs.values() if np.ndim(array))
        packed = np.zeros((rows, max(1, sum(map(_words, self._in)))), dtype=np.uint32)
        at = 0
        for port in self._in:
            words = _words(port)
            if port["name"] in inputs:
                packed[:, at : at + words] = self._split(inputs[port["name"]], words)
            at += words
        return packed

    @staticmethod
    def _split(array: Any, words: int) -> np.ndarray:
        array = np.asarray(array)
        if words == 1:
            return array.astype(np.uint32).reshape(-1, 1)
        if words == 2 and array.ndim < 2:
            array = array.astype(np.uint64).reshape(-1)
            return np.stack([array.astype(np.uint32), (array >> np.uint64(32)).astype(np.uint32)], axis=1)
        return array.astype(np.uint32)

    @staticmethod
    def _copies(ports: list, write: bool) -> list[str]:
        lines = []
        at = 0
        for port in ports:
            words = _words(port)
            # Verilator spells a double underscore of the source as ___05F.
            name = "top->" + port["name"].replace("__", "___05F")
            array = "in" if write else "out"
            if words == 1:
                lines.append(f"{name} = in[{at}];" if write else f"out[{at}] = {name};")
            else:
                order = (f"&{name}", f"{array} + {at}") if write else (f"{array} + {at}", f"&{name}")
                lines.append(f"std::memcpy({order[0]}, {order[1]}, {4 * words});")
            at += words
        return ["        " + line for line in lines]
