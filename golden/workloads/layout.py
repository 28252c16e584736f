"""A step on a node: its program, its argument table, where its tensors lie, and what a host writes and starts.

The program has an entry for the whole step, one for the forward pass and one for each call alone. It takes the arguments of a call
from a table, from which x20 reads one after another; calls of equal kernels share a subroutine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

from numpy.typing import NDArray

from golden.arch.config import NodeConfig
from golden.asm import Program, assemble
from golden.kernels.job import Launch
from golden.kernels.placement import Allocator, Matrix
from golden.workloads.graph import Call, Kind, Step, View
from golden.workloads.plan import plan


class Layout:
    """A step in the SRAM of a node.

    Attributes
    ----------
    matrices : where each tensor lies.
    train, forward : what to start for a whole step and for the forward pass.
    phases : each call of a step alone, in order; together they are ``train``.

    Raises
    ------
    DoesNotFit
        When program, arguments and tensors need more SRAM than there is.
    """

    def __init__(self, step: Step, config: NodeConfig) -> None:
        self.step = step
        self.label: dict[str, str] = {}
        """Subroutine of each call."""
        for call in step.calls:
            same = (other.name for other in step.calls if other.kernel == call.kernel)
            self.label[call.name] = next(same)
        end = self._program(0).end
        space = Allocator(config, end)
        self.table = space.reserve(8 * sum(call.kernel.registers() for call in step.calls), f"the argument table of {step.name}")
        self.plan = plan(step, config, space.next)
        self.matrices: dict[str, Matrix] = self.plan.matrices
        self.program = self._program(self.table)
        if self.program.end != end:
            raise ValueError("the program's length depends on its addresses")
        self.train = Launch(0, self.program.labels["train"])
        self.forward = Launch(0, self.program.labels["infer"])
        self.phases = {call.name: Launch(0, self.program.labels[f"only_{call.name}"]) for call in step.calls}

    def _program(self, table: int) -> Program:
        calls = self.step.calls
        offsets = [0, *accumulate(8 * call.kernel.registers() for call in calls)]
        lines = self._entry("train", calls, 0) + self._entry("infer", calls[: self.step.forward], 0)
        for call, offset in zip(calls, offsets, strict=False):
            lines += self._entry(f"only_{call.name}", [call], offset)
        texts = [call.kernel.text(call.name) for call in calls if self.label[call.name] == call.name]
        return assemble("\n".join([*lines, *texts]), source=self.step.name, names={"table": table})

    def _entry(self, label: str, calls: Sequence[Call], offset: int) -> list[str]:
        """An entry point that runs some calls, whose arguments begin ``offset`` bytes into the table."""
        lines = [f"{label}: li x20, table / 64", "        slli x20, x20, 6"]
        if offset:
            lines += [f"        li x21, {offset}", "        add x20, x20, x21"]
        for call in calls:
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
            bits = state[tensor.name] if tensor.kind is Kind.STATE else tensor.initial
            if bits is not None:
                pieces.append((self.matrices[tensor.name].address, self.matrices[tensor.name].pack(bits)))
        return pieces

    def inputs(self, values: Mapping[str, NDArray]) -> list[tuple[int, bytes]]:
        """What a host writes before a step or a forward pass."""
        return [(self.matrices[name].address, self.matrices[name].pack(bits)) for name, bits in self.step.split(values).items()]

    def window(self, view: View) -> Matrix:
        """Where a view lies."""
        return self.matrices[view.tensor.name].window(view.row, view.column, view.rows, view.columns)
