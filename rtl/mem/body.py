"""What a data body is: the storage behind the arbitration, with one interface for two implementations.

`flat` (rtl/mem/flat.py) is for simulation, `banks` (rtl/mem/banks.py) for synthesis. They are equal as long as no slot
gives a bank away twice. Stages, named as in docs/sram.md: *arbitrate* (the slot), *macro*, *return*, *correct*.
"""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import LINE_BITS, WORD_ADDRESS_BITS
from golden.arch.sram import BANKS, CHECK_BITS, LANES, LINE_WORDS

SINGLE_READS = 2 * LANES + 1
"""Word reads in a slot: lanes of L0, lanes of L1, scalar load."""
SINGLE_WRITES = LANES + 1
"""Word writes in a slot: lanes of ST, scalar store."""
READS = SINGLE_READS + LINE_WORDS
"""Words that can return in a cycle: the single reads, then the words of a line."""


def body_ports() -> dict[str, wiring.Member]:
    """Ports of a data body. Everything but `word`, `check` and the addresses beside them belongs to the slot that
    runs."""
    return {
        # Single reads granted in this slot, their word addresses, and their banks (zero for a read that is not
        # granted).
        "read": In(SINGLE_READS),
        "read_addr": In(WORD_ADDRESS_BITS).array(SINGLE_READS),
        "read_banks": In(BANKS).array(SINGLE_READS),
        # Line read in this slot.
        "line_read": In(1),
        "line_read_addr": In(LINE_BITS),
        "line_read_banks": In(BANKS),
        # Single writes in this slot.
        "write": In(SINGLE_WRITES),
        "write_addr": In(WORD_ADDRESS_BITS).array(SINGLE_WRITES),
        "write_banks": In(BANKS).array(SINGLE_WRITES),
        "write_word": In(64).array(SINGLE_WRITES),
        "write_check": In(CHECK_BITS).array(SINGLE_WRITES),
        # Line write in this slot: words whose bit is high.
        "line_write": In(LINE_WORDS),
        "line_write_addr": In(LINE_BITS),
        "line_write_banks": In(BANKS),
        "line_word": In(64).array(LINE_WORDS),
        "line_check": In(CHECK_BITS).array(LINE_WORDS),
        # Write zero words to step `sweep_step` of the sweep; no other access in this slot.
        "sweep": In(1),
        "sweep_step": In(16),
        # Three cycles after the slot (stage correct): what was read, and where. Undefined where nothing was.
        "word": Out(64).array(READS),
        "check": Out(CHECK_BITS).array(READS),
        "word_addr": Out(WORD_ADDRESS_BITS).array(READS),
    }
