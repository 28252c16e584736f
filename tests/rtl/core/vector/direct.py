"""Vector and store unit step by step: a test says what comes in, and looks at what goes out."""

from typing import Any

from golden.arch import isa
from rtl.core.decoded import vector_row
from rtl.core.interfaces import StoreKind

LANES, WORD = 8, 2**64 - 1


class Direct:
    """The units, reset.

    Parameters
    ----------
    unit: a Stepped BackEnd; registers and accumulators keep what they hold.
    """

    def __init__(self, unit) -> None:
        self.unit, self.cycle = unit, 0
        self._address: dict[str, Any] = {}  # what comes in beside the next step's inputs
        self._places: dict[int, dict[str, Any]] = {}  # by number, of stores that have not issued
        self._seq = 0
        unit.cycle({"restart": 1})
        self.step()

    def step(self, *inputs: dict[str, Any], **more: Any) -> None:
        """One cycle; what it shows stands until the next."""
        together = {"restart": 0} | self._address | more
        self._address = {}
        for part in inputs:
            together |= part
            if "requests__issue" in part:
                self._address = {"requests__address": self._places.pop(part["requests__issue"]["store"]["seq"])}
        self._out = self.unit.cycle(together)
        self.cycle += 1

    def __getitem__(self, name: str) -> Any:
        return self.unit.read(self._out, name)

    # --- inputs -----------------------------------------------------------------------------------------------------------------

    @staticmethod
    def push(thread: int, *entries: dict[str, Any]) -> dict[str, Any]:
        """Instructions (at most four) that come in."""
        return {"pushes__0__thread": thread, "pushes__0__slot": [{"valid": 1, "entry": entry} for entry in entries]}

    def entry(self, mnemonic: str, values: dict[str, int], **tags: Any) -> dict[str, Any]:
        """An instruction with its operands, and its tags if they are not 0."""
        insn = isa.BY_MNEMONIC[mnemonic]
        operands = {operand.name: 0 for operand in insn.operands} | values
        self._seq += 1
        return {"seq": self._seq, "word": insn.encode(**operands), "row": vector_row(insn)} | tags

    @staticmethod
    def begin(*loads: tuple[int, int]) -> dict[str, Any]:
        """Loads that issue, by thread and register."""
        return {"load_begins__begin": [{"valid": 1, "thread": thread, "reg": reg} for thread, reg in loads]}

    @staticmethod
    def lanes(port: int, of: dict[int, tuple[int, int, int]]) -> dict[str, int]:
        """What a load port brings: lane -> thread, register, datum."""
        inputs = {f"l{port}__valid": sum(1 << lane for lane in of)}
        for lane, (thread, reg, datum) in of.items():
            inputs |= {f"l{port}__thread__{lane}": thread, f"l{port}__reg__{lane}": reg, f"l{port}__data__{lane}": datum}
        return inputs

    def store(self, thread: int, kind: StoreKind, seq: int, address: dict[str, Any], **entry: Any) -> dict[str, Any]:
        """A store that issues; its address comes in the next step."""
        self._places[seq] = {"valid": 1, "thread": thread, "store": address}
        return {"requests__issue": {"valid": 1, "thread": thread, "store": {"kind": kind.value, "seq": seq} | entry}}

    @staticmethod
    def done(port: str, tag: int) -> dict[str, int]:
        return {f"{port}__done__valid": 1, f"{port}__done__tag": tag}


def word_store(word: int, stream: int) -> dict[str, Any]:
    """The address of a store that writes one word: lane 0 of a vector, or a scalar."""
    return {"base": word, "low": word, "high": word, "strobe": 255, "enable": 1, "stream": stream}


def row_of(base: int, stream: int) -> dict[str, Any]:
    """The address of a store of eight words, and of a raw drain."""
    whole = {"base": base, "low": base, "high": base + 63, "stream": stream, "strobe": 2**64 - 1, "enable": 255}
    return whole | {"t0": 1, "t1": 2, "t2": 4, "row_mask": 255, "column_mask": 255, "row_pitch": 8}
