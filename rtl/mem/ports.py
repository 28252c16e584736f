"""Signatures of the SRAM's ports, written from the requester's side.

A request is taken in a cycle in which `valid` and `ready` are both high. `ready` is a flip-flop that already counts
what is under way, so it never depends on `valid`. Returns and completions are pulses without a ready: whoever asks has
room. Word addresses are byte address >> 3, line addresses byte address >> 6; a requester checks that they lie in the
memory.
"""

from amaranth.lib import data, enum, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.isa import THREADS
from golden.arch.memmap import LINE_BITS, WORD_ADDRESS_BITS
from golden.arch.sram import INJECT_BITS, LANES, LINE_WORDS, MESH_TAG_BITS, SCALAR_TAG_BITS, STORE_TAG_BITS


class Reader(enum.Enum, shape=3):
    """The port on whose behalf a thread's word was read."""

    L0 = 0
    L1 = 1
    ST = 2
    SL = 3
    SS = 4


LaneReturn = wiring.Signature({
    # Bit l is high for one cycle per request of lane l, LOAD_LATENCY cycles after the request at the earliest. Each
    # lane returns on its own, in the order of its requests.
    "valid": Out(LANES),
    # Thread and vector register of lane l's request; with its valid bit.
    "thread": Out(2).array(LANES),
    "reg": Out(5).array(LANES),
    # Lane l's word, masked bytes zero; with its valid bit.
    "data": Out(64).array(LANES),
})

VectorLoadRequest = wiring.Signature({
    "valid": Out(1),
    "ready": In(1),
    # Thread and vector register, returned with every lane's datum.
    "thread": Out(2),
    "reg": Out(5),
    # Lanes that read; the others return zero without an access.
    "enable": Out(LANES),
    # Word address of each lane.
    "addr": Out(data.ArrayLayout(WORD_ADDRESS_BITS, LANES)),
    # Bytes to keep, byte 8 l + b for lane l; the others return zero.
    "keep": Out(64),
})
VectorLoad = wiring.Signature({**VectorLoadRequest.members, "ret": In(LaneReturn)})

Done = wiring.Signature({
    # High for one cycle per request, in the order of the port's requests: every later load sees the data.
    "valid": Out(1),
    "tag": Out(STORE_TAG_BITS),
})

VectorStoreRequest = wiring.Signature({
    "valid": Out(1),
    "ready": In(1),
    # Lanes that write.
    "enable": Out(LANES),
    "addr": Out(data.ArrayLayout(WORD_ADDRESS_BITS, LANES)),
    # Word l at bits 64 l; bytes whose strobe (byte 8 l + b) is low stay as they are.
    "data": Out(512),
    "strobe": Out(64),
    # Opaque, but its bits from STORE_TAG_THREAD on are reported as the thread when a word to be merged is lost.
    "tag": Out(STORE_TAG_BITS),
})
VectorStore = wiring.Signature({**VectorStoreRequest.members, "done": In(Done)})

ScalarReturn = wiring.Signature({
    # High for one cycle per request, in order, LOAD_LATENCY cycles after the request at the earliest.
    "valid": Out(1),
    "tag": Out(SCALAR_TAG_BITS),
    "data": Out(64),
})

ScalarLoadRequest = wiring.Signature({
    "valid": Out(1),
    "ready": In(1),
    "addr": Out(WORD_ADDRESS_BITS),
    # Opaque, but its two lowest bits are reported as the thread when the word cannot be corrected.
    "tag": Out(SCALAR_TAG_BITS),
})
ScalarLoad = wiring.Signature({**ScalarLoadRequest.members, "ret": In(ScalarReturn)})

ScalarStoreRequest = wiring.Signature({
    "valid": Out(1),
    "ready": In(1),
    "addr": Out(WORD_ADDRESS_BITS),
    "data": Out(64),
    "strobe": Out(8),
    # As for the vector store.
    "tag": Out(STORE_TAG_BITS),
})
ScalarStore = wiring.Signature({**ScalarStoreRequest.members, "done": In(Done)})

LineDone = wiring.Signature({
    # High for one cycle per line, in order: every later load sees the line.
    "valid": Out(1),
    "tag": Out(MESH_TAG_BITS),
})

LineWriteRequest = wiring.Signature({
    "valid": Out(1),
    "ready": In(1),
    "line": Out(LINE_BITS),
    "data": Out(512),
    # One bit per 8-byte word: the mesh writes whole words only.
    "strobe": Out(LINE_WORDS),
    "tag": Out(MESH_TAG_BITS),
})
LineWrite = wiring.Signature({**LineWriteRequest.members, "done": In(LineDone)})

LineReturn = wiring.Signature({
    # High for one cycle per request, in order, LINE_READ_LATENCY cycles after the request at the earliest.
    "valid": Out(1),
    "tag": Out(MESH_TAG_BITS),
    "data": Out(512),
    # One cycle after valid: words of the line with errors that cannot be corrected; they came as they were read.
    "lost": Out(LINE_WORDS),
})

LineReadRequest = wiring.Signature({
    "valid": Out(1),
    "ready": In(1),
    "line": Out(LINE_BITS),
    "tag": Out(MESH_TAG_BITS),
})
LineRead = wiring.Signature({**LineReadRequest.members, "ret": In(LineReturn)})

FillReturn = wiring.Signature({
    # High for one cycle per request, in order, LINE_READ_LATENCY cycles after the request at the earliest.
    "valid": Out(1),
    "data": Out(512),
    # One cycle after valid, as for a mesh read.
    "lost": Out(LINE_WORDS),
})

FillRequest = wiring.Signature({
    "valid": Out(1),
    "ready": In(1),
    "line": Out(LINE_BITS),
})
Fill = wiring.Signature({**FillRequest.members, "ret": In(FillReturn)})

Corrected = wiring.Signature({
    # High in a cycle after which at least one word was read with one wrong bit and corrected.
    "valid": Out(1),
    # How many of the 25 words that can return in a cycle were corrected.
    "count": Out(5),
    # Word address of the first of them.
    "addr": Out(WORD_ADDRESS_BITS),
})

ConflictCount = wiring.Signature({
    # Requests and lanes that asked for a bank in vain two cycles before; they try again. Valid in every cycle.
    "count": Out(6),
})

Inject = wiring.Signature({
    # Planted errors: per thread two bits that its scalar stores of whole words write inverted (golden.arch.sram.injected). The
    # control registers speak; valid in every cycle.
    "bits": Out(INJECT_BITS).array(THREADS),
})

Uncorrectable = wiring.Signature({
    # Words that cannot be corrected, of accesses that a thread made: lines tell with their return. Bit t, for thread t: a
    # report follows in the next cycle. It is high no later than the first cycle in which the access looks complete, so a
    # thread that waits for it cannot end before it hears.
    "soon": Out(THREADS),
    # High for one cycle: thread t's word is lost; of several words of a cycle the first is told, in the order of the ports
    # below, then of lanes.
    "valid": Out(THREADS),
    "addr": Out(WORD_ADDRESS_BITS).array(THREADS),
    "source": Out(Reader).array(THREADS),
})


def request(port: wiring.PureInterface) -> wiring.PureInterface:
    """The request half of a port, on the same signals: what stands before its return or completion."""
    half = wiring.Signature({
        name: member for name, member in port.signature.members.items() if name not in ("ret", "done")
    }).create()
    for name in half.signature.members:
        setattr(half, name, getattr(port, name))
    return half
