"""What the transfer engine makes of a transfer: whether it stands, and its pieces (`golden.arch.transfer`)."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from golden.arch.global_address import GLOBAL
from golden.arch.memmap import ADDRESS_BITS
from golden.arch.packet import HEADER
from golden.arch.sram import LINE_WORDS
from golden.arch.transfer import TRANSFER
from rtl.common.host_ports import Place
from rtl.common.shapes import struct

RECORD = struct(TRANSFER)
"""A transfer as it lies in memory."""
REMOTE = struct(GLOBAL)
_FAR = HEADER["address"].width


class Extent(wiring.Component):
    """One past the last byte of rows: first + (rows - 1) * pitch + bytes, unless that needs more bits.

    Parameters
    ----------
    width : int
        Bits of the end.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        super().__init__(
            {
                # Begins with these; from the next cycle on the pitch doubles in every cycle, and is added if it `adds`.
                "begin": In(1),
                "first": In(width),
                "bytes": In(32),
                "pitch": In(32),
                "adds": In(1),
                # Flip-flops.
                "end": Out(width),
                "beyond": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        width, pitch, large = self.width, Signal(self.width), Signal()
        start, more = Signal(width + 1), Signal(width + 1)
        m.d.comb += [start.eq(self.first + self.bytes[:width]), more.eq(self.end + pitch)]
        with m.If(self.begin):
            m.d.sync += [
                self.end.eq(start),
                self.beyond.eq(start[-1] | self.bytes[width:].any()),
                pitch.eq(self.pitch),
                large.eq(self.pitch[width:].any()),
            ]
        with m.Else():
            m.d.sync += [pitch.eq(pitch << 1), large.eq(large | pitch[-1])]
            with m.If(self.adds):
                m.d.sync += [self.end.eq(more), self.beyond.eq(self.beyond | large | more[-1])]
        return m


class TransferCheck(wiring.Component):
    """Whether a transfer stands: a cycle, and one more per bit of the number of rows.

    Parameters
    ----------
    sram_bytes : int
        Of this node.
    """

    # With `begin`, which is one cycle.
    record: In(RECORD)
    begin: In(1)
    # Own coordinates.
    place: In(Place)
    # From the cycle after `begin` on until the next; `stands` with `done`.
    done: Out(1)
    stands: Out(1)

    def __init__(self, sram_bytes: int) -> None:
        self.sram_bytes = sram_bytes
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.near = near = Extent(ADDRESS_BITS + 1)
        m.submodules.far = far = Extent(_FAR + 1)
        record, remote, left, wrong = self.record, Signal(REMOTE), Signal(32), Signal()
        sizes = (record.local, remote.address, record.row_bytes, record.local_pitch, record.remote_pitch)
        m.d.comb += remote.as_value().eq(record.remote)
        with m.If(self.begin):
            m.d.sync += [
                left.eq(record.rows - 1),
                wrong.eq(
                    Cat(size[:3].any() for size in sizes).any()
                    | record.local[ADDRESS_BITS:].any()
                    | record.remote[GLOBAL.width :].any()
                    | ((remote.x == self.place.x) & (remote.y == self.place.y))
                    | (record.rows == 0)
                    | (record.row_bytes == 0)
                    | record.read[1:].any()
                    | record.reserved.any()
                ),
            ]
        with m.Else():
            m.d.sync += left.eq(left >> 1)
        for part, first, pitch in ((near, record.local, record.local_pitch), (far, remote.address, record.remote_pitch)):
            m.d.comb += [
                part.begin.eq(self.begin),
                part.first.eq(first),
                part.bytes.eq(record.row_bytes),
                part.pitch.eq(pitch),
                part.adds.eq(left[0]),
            ]
        m.d.comb += [
            self.done.eq(left == 0),
            self.stands.eq(
                ~wrong & ~near.beyond & (near.end <= self.sram_bytes) & ~far.beyond & (far.end <= 1 << _FAR)
            ),
        ]
        return m


class Pieces(wiring.Component):
    """The pieces of a transfer, row after row, each inside a line on both sides."""

    # The first piece is there from the cycle after `begin` on, which comes with the record, the next one from the cycle after `taken`.
    record: In(RECORD)
    begin: In(1)
    taken: In(1)
    local: Out(ADDRESS_BITS)
    remote: Out(REMOTE)
    words: Out(4)
    last: Out(1)

    def elaborate(self, platform):
        m = Module()
        record, first = self.record, Signal(REMOTE)
        # Words left of the row, rows left, where the next row begins.
        left, rows, next_local, next_remote = Signal(29), Signal(32), Signal(ADDRESS_BITS), Signal(_FAR)
        row, pitch_here, pitch_there = Signal(29), Signal(ADDRESS_BITS), Signal(_FAR)
        room_here, room_there, most, ends = Signal(4), Signal(4), Signal(4), Signal()
        m.d.comb += [
            first.as_value().eq(record.remote),
            room_here.eq(LINE_WORDS - self.local[3:6]),
            room_there.eq(LINE_WORDS - self.remote.address[3:6]),
            most.eq(Mux(room_here < room_there, room_here, room_there)),
            ends.eq(left <= most),
            self.words.eq(Mux(ends, left, most)),
            self.last.eq(ends & (rows == 1)),
        ]
        with m.If(self.begin):
            m.d.sync += [
                self.local.eq(record.local),
                self.remote.eq(first),
                next_local.eq(record.local + record.local_pitch),
                next_remote.eq(first.address + record.remote_pitch),
                left.eq(record.row_bytes[3:]),
                rows.eq(record.rows),
                row.eq(record.row_bytes[3:]),
                pitch_here.eq(record.local_pitch),
                pitch_there.eq(record.remote_pitch),
            ]
        with m.Elif(self.taken & ends):
            m.d.sync += [
                self.local.eq(next_local),
                self.remote.address.eq(next_remote),
                next_local.eq(next_local + pitch_here),
                next_remote.eq(next_remote + pitch_there),
                left.eq(row),
                rows.eq(rows - 1),
            ]
        with m.Elif(self.taken):
            m.d.sync += [
                self.local.eq(self.local + (most << 3)),
                self.remote.address.eq(self.remote.address + (most << 3)),
                left.eq(left - most),
            ]
        return m
