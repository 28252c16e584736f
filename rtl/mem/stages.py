"""What the stages of the SRAM say to each other.

    LoadFront   StepOne          request queues and arbitration: loads in their slot, lines and stores a cycle ahead of it
        |        |     \\
        |        |     WritePath      check bits of what is written
         \\       |      |
          +--- body ----+             banks (synthesis) or flat memory (simulation)
                 |
              Returns                 correction, return registers, error reports

A *slot* is a cycle of the banks. Unless a port says otherwise it belongs to the slot that runs. Arrays are of separate
signals, so that nothing wider than a word is moved as one.
"""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import Out

from golden.arch.memmap import LINE_BITS, WORD_ADDRESS_BITS
from golden.arch.sram import (
    BANKS,
    CHECK_BITS,
    LANES,
    LINE_WORDS,
    MESH_TAG_BITS,
    SCALAR_TAG_BITS,
    STORE_TAG_BITS,
    STORE_TAG_THREAD,
)

SINGLE_READS = 2 * LANES + 1
"""Word reads in a slot: lanes of L0, lanes of L1, scalar load."""
SCALAR_READ = 2 * LANES
"""Index of the scalar load among the single reads."""
SINGLE_WRITES = LANES + 1
"""Word writes in a slot: lanes of ST, scalar store."""
SCALAR_WRITE = LANES
"""Index of the scalar store among the single writes."""
READS = SINGLE_READS + LINE_WORDS
"""Words that can return in a cycle: the single reads, then the words of a line."""

StoreTag = data.StructLayout({"low": STORE_TAG_THREAD, "thread": 2, "high": STORE_TAG_BITS - STORE_TAG_THREAD - 2})
"""Tag of a store; its thread is reported when a word to be merged cannot be corrected."""
ScalarTag = data.StructLayout({"thread": 2, "high": SCALAR_TAG_BITS - 2})
"""Tag of a scalar load; its thread is reported when the word cannot be corrected."""

# What travels with a request through its queue.
LaneLoad = data.StructLayout({"keep": 8, "thread": 2, "reg": 5})
LaneStore = data.StructLayout({"strobe": 8, "partial": 1, "thread": 2})
ScalarStore = data.StructLayout({"strobe": 8, "partial": 1, "tag": StoreTag})
LineStore = data.StructLayout({"strobe": LINE_WORDS, "tag": MESH_TAG_BITS})

ScalarRead = data.StructLayout({"keep": 8, "tag": ScalarTag})
"""What travels with the scalar load's word to its return register."""

LoadPorts = data.StructLayout({"sl": 1, "l0": 1, "l1": 1})
"""A bit for each load port."""

SweepStep = wiring.Signature({
    # Zero words are written in this slot and nothing else happens; all ports are shut.
    "active": Out(1),
    # The step that runs; with active.
    "step": Out(16),
})

GivenAway = wiring.Signature({
    # Banks that step 1 has given away in this slot.
    "busy": Out(BANKS),
    # At most one bit is high: the load port goes first in this slot.
    "first": Out(LoadPorts),
    # High every 8 cycles, for the ages of requests.
    "tick": Out(1),
})

OldLoads = wiring.Signature({
    # Load ports with a request that has waited 16 cycles or more; valid in every cycle.
    "old": Out(LoadPorts),
})

SingleReads = wiring.Signature({
    # Reads that take a bank.
    "read": Out(SINGLE_READS),
    # Word address of each read, and its bank as a mask (zero for a read that is not granted).
    "addr": Out(WORD_ADDRESS_BITS).array(SINGLE_READS),
    "banks": Out(BANKS).array(SINGLE_READS),
})

ReadInfo = wiring.Signature({
    # Reads that a load gets in this slot, with or without a bank.
    "for_load": Out(SINGLE_READS),
    # Reads for partial stores, per store lane: lane l on the return path of lane l of L1, the scalar store on SL's.
    "for_store": Out(SINGLE_WRITES),
    # Reads that take a bank.
    "accessed": Out(SINGLE_READS),
    # Of each lane of L0, then of L1; of the scalar load. Meaningful where one of the three masks is high.
    "lane": Out(LaneLoad).array(2 * LANES),
    "scalar": Out(ScalarRead),
})

LineReadSlot = wiring.Signature({
    # A line is read: for the instruction cache where `fill` is high, else for the mesh. The others go with valid.
    "valid": Out(1),
    "fill": Out(1),
    "tag": Out(MESH_TAG_BITS),
    "line": Out(LINE_BITS),
    "banks": Out(BANKS),
})

StoreSlot = wiring.Signature({
    # Store lanes (ST, then SS) that write their word.
    "write": Out(SINGLE_WRITES),
    # Those that read it first: a partial store's grant of a read.
    "read": Out(SINGLE_WRITES),
    # With either of the two.
    "addr": Out(WORD_ADDRESS_BITS).array(SINGLE_WRITES),
    "banks": Out(BANKS).array(SINGLE_WRITES),
    "thread": Out(2).array(SINGLE_WRITES),
    # With write.
    "word": Out(64).array(SINGLE_WRITES),
})

LineWriteSlot = wiring.Signature({
    # Words of the line that are written; the others go with it.
    "write": Out(LINE_WORDS),
    "line": Out(LINE_BITS),
    "banks": Out(BANKS),
    "word": Out(64).array(LINE_WORDS),
})

SingleWrites = wiring.Signature({
    # As in StoreSlot, and check bits.
    "write": Out(SINGLE_WRITES),
    "addr": Out(WORD_ADDRESS_BITS).array(SINGLE_WRITES),
    "banks": Out(BANKS).array(SINGLE_WRITES),
    "word": Out(64).array(SINGLE_WRITES),
    "check": Out(CHECK_BITS).array(SINGLE_WRITES),
})

LineWrites = wiring.Signature({
    # As in LineWriteSlot, and check bits.
    "write": Out(LINE_WORDS),
    "line": Out(LINE_BITS),
    "banks": Out(BANKS),
    "word": Out(64).array(LINE_WORDS),
    "check": Out(CHECK_BITS).array(LINE_WORDS),
})

ScalarHead = wiring.Signature({
    # The scalar store that step 1 may grant in this cycle: its thread, and whether it writes a whole word.
    "thread": Out(2),
    "whole": Out(1),
})

Words = wiring.Signature({
    # Three cycles after the slot (stage correct): what was read, and where. Undefined where nothing was.
    "word": Out(64).array(READS),
    "check": Out(CHECK_BITS).array(READS),
    "addr": Out(WORD_ADDRESS_BITS).array(READS),
})

OldWords = wiring.Signature({
    # Five cycles after a read for a partial store, per store lane, for one cycle: its word is back.
    "returned": Out(SINGLE_WRITES),
    # The word, corrected; with returned.
    "word": Out(64).array(SINGLE_WRITES),
    # It cannot be corrected; with returned.
    "lost": Out(SINGLE_WRITES),
})

Ended = wiring.Signature({
    # A vector store enters its queues in this cycle, with its tag.
    "st_push": Out(1),
    "st_tag": Out(STORE_TAG_BITS),
    # Requests that step 1 grants to their end in this cycle: lanes of ST; SS and MW with their tags.
    "st": Out(LANES),
    "ss": Out(1),
    "ss_tag": Out(STORE_TAG_BITS),
    "mw": Out(1),
    "mw_tag": Out(MESH_TAG_BITS),
})

DeniedLoads = wiring.Signature({
    # Single reads that ask in this cycle and are not granted; an arbitration step decides it.
    "mask": Out(SINGLE_READS),
})

DeniedAhead = wiring.Signature({
    # The same of store lanes, then the mesh write and the line read.
    "mask": Out(SINGLE_WRITES + 2),
})
