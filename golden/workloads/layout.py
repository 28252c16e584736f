"""A step on a node: its program, its argument table, where its tensors lie, and what a host writes and starts.

The program has an entry for the whole step, one for the forward pass and one for each call alone. It takes the arguments of a call
from a table, from which x20 reads one after another; calls of equal kernels share a subroutine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.asm import Program, assemble
from golden.kernels.job import Launch
from golden.kernels.placement import Allocator, Matrix
from golden.workloads.graph import Step
from golden.workloads.plan import plan
from golden.workloads.tensors import Call, TensorKind, View


@dataclass(frozen=True)
class Exchange:
    """What a node of a mesh does with others between the gradients of its shards and what reads their sum.

    Attributes
    ----------
    text : the subroutine ``name``.
    tables : bytes of each of its tables, which it knows as ``{name}_table0`` and so on.
    buffer : bytes of its buffer.
    """

    name: str
    text: str
    tables: tuple[int, ...]
    buffer: int


class Layout:
    """A step in the SRAM of a node.

    Attributes
    ----------
    matrices : where each tensor lies.
    train, forward : what to start for a whole step and for the forward pass.
    phases : each call of a step alone, and the exchange, in order; together they are ``train``.
    tables, buffer : where the exchange has its own.

    Raises
    ------
    DoesNotFit
        When program, arguments and tensors need more SRAM than there is.
    """

    def __init__(self, step: Step, config: NodeConfig, exchange: Exchange | None = None) -> None:
        self.step, self.exchange = step, exchange
        self.features = (config.with_network() if exchange else config).features
        self.label: dict[str, str] = {}
        """Subroutine of each call."""
        for call in step.calls:
            same = (other.name for other in step.calls if other.kernel == call.kernel)
            self.label[call.name] = next(same)
        self.tables = [0 for _ in exchange.tables] if exchange else []
        end = self._program(0).end
        space = Allocator(config, end)
        self.table = space.reserve(8 * sum(call.kernel.registers() for call in step.calls), f"the argument table of {step.name}")
        if exchange:
            self.tables = [space.reserve(size, f"a table of {exchange.name}") for size in exchange.tables]
            self.buffer = space.reserve(exchange.buffer, f"the buffer of {exchange.name}")
        self.plan = plan(step, config, space.next)
        self.matrices: dict[str, Matrix] = self.plan.matrices
        self.program = self._program(self.table)
        if self.program.end != end:
            raise ValueError("the program's length depends on its addresses")
        self.train = Launch(0, self.program.labels["train"])
        self.forward = Launch(0, self.program.labels["infer"])
        names = [call.name for call in step.calls]
        if exchange:
            names.insert(step.update, exchange.name)
        self.phases = {name: Launch(0, self.program.labels[f"only_{name}"]) for name in names}

    def _program(self, table: int) -> Program:
        calls = self.step.calls
        offsets = [0, *accumulate(8 * call.kernel.registers() for call in calls)]
        lines = self._entry("train", calls, 0) + self._entry("infer", calls[: self.step.forward], 0)
        for call, offset in zip(calls, offsets, strict=False):
            lines += self._entry(f"only_{call.name}", [call], offset)
        texts = [call.kernel.text(call.name) for call in calls if self.label[call.name] == call.name]
        names = {"table": table}
        if self.exchange:
            lines += [f"only_{self.exchange.name}: call x31, {self.exchange.name}", "        halt"]
            texts.append(self.exchange.text)
            names |= {f"{self.exchange.name}_table{index}": address for index, address in enumerate(self.tables)}
        return assemble("\n".join([*lines, *texts]), source=self.step.name, names=names, features=self.features)

    def _entry(self, label: str, calls: Sequence[Call], offset: int) -> list[str]:
        """An entry point that runs some calls, whose arguments begin ``offset`` bytes into the table."""
        lines = [f"{label}: li x20, table / 64", "        slli x20, x20, 6"]
        if offset:
            lines += [f"        li x21, {offset}", "        add x20, x20, x21"]
        for index, call in enumerate(calls):
            if self.exchange and label == "train" and index == self.step.update:
                lines.append(f"        call x31, {self.exchange.name}")
            lines += [f"        ldp.d x{i}, x20, 8" for i in range(1, call.kernel.registers() + 1)]
            lines.append(f"        call x31, {self.label[call.name]}")
        return [*lines, "        halt"]

    def initial(self, state: Mapping[str, NDArray]) -> list[tuple[int, bytes]]:
        """Everything that a host writes once: program, arguments, constants and the whole state."""
        table = [
            word
            for call in self.step.calls
            for word in call.kernel.arguments(**{name: self.window(view) for name, view in call.views.items()})
        ]
        pieces = [(self.program.origin, self.program.image), (self.table, b"".join(word.to_bytes(8, "little") for word in table))]
        for tensor in self.step.tensors.values():
            bits = state[tensor.name] if tensor.kind is TensorKind.STATE else tensor.initial
            if bits is not None:
                pieces.append((self.matrices[tensor.name].address, self.matrices[tensor.name].pack(bits)))
        return pieces

    def inputs(self, values: Mapping[str, NDArray]) -> list[tuple[int, bytes]]:
        """What a host writes before a step or a forward pass."""
        return [(self.matrices[name].address, self.matrices[name].pack(bits)) for name, bits in self.step.split(values).items()]

    def window(self, view: View) -> Matrix:
        """Where a view lies."""
        return self.matrices[view.tensor.name].window(view.row, view.column, view.rows, view.columns)
