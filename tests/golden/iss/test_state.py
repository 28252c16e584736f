"""A node's memory and the bytes of vector accesses."""

import numpy as np
import pytest

from golden.arch.descriptor import Descriptor
from golden.arch.memmap import CSR_BITS, ThreadState
from golden.iss.state import Node, Thread, piece_bytes, signed, tile_bytes
from tests.golden.iss.bench import TINY


def test_memory_is_bytes_from_zero_to_its_end():
    node = Node(TINY)
    node.write(TINY.sram_bytes - 3, b"abc")
    assert node.read(TINY.sram_bytes - 4, 4) == b"\0abc" and node.read(TINY.sram_bytes, 0) == b""


@pytest.mark.parametrize(("address", "size"), [(TINY.sram_bytes - 3, 4), (-1, 1), (TINY.sram_bytes, 1)])
def test_a_host_outside_memory_is_told(address, size):
    node = Node(TINY)
    sentence = f"{size} bytes at {address:#x} leave the {TINY.sram_bytes} bytes of SRAM"
    with pytest.raises(ValueError, match=sentence):
        node.write(address, bytes(size))
    with pytest.raises(ValueError, match=sentence):
        node.read(address, size)


def test_a_program_larger_than_memory_is_one_sentence():
    with pytest.raises(ValueError, match="200000 bytes at 0x100 leave the 131072 bytes of SRAM"):
        Node(TINY).write(0x100, bytes(200_000))


def test_a_thread_before_and_after_a_start():
    """p0 is true and the other seven are false; control registers, of which a fresh thread's are zero too, begin at zero."""
    thread, zeros = Thread(2), dict.fromkeys(CSR_BITS, 0)
    assert thread.state is ThreadState.IDLE and (thread.pc, thread.operand, thread.seq, thread.retired) == (0, 0, 0, 0)
    assert thread.p == [True] + [False] * 7 and thread.csr == zeros
    thread.p, thread.csr = [False] * 8, dict.fromkeys(CSR_BITS, 1)
    thread.seq, thread.retired, thread.operand = 5, 5, 5
    thread.start(0x100)
    assert thread.state is ThreadState.RUNNING and (thread.pc, thread.operand, thread.seq, thread.retired) == (0x100, 0, 0, 0)
    assert thread.p == [True] + [False] * 7 and thread.csr == zeros


def test_signed():
    assert [signed(0x7F, 8), signed(0x80, 8), signed(0x1FF, 8), signed((1 << 64) - 1)] == [127, -128, -1, -1]


def by_element(d: Descriptor, tile: int, count: int, piece: int, elem_bytes: int) -> tuple[list[int], list[bool]]:
    """The definition, byte by byte: row and column of each, address from the origin."""
    row, column = tile >> 2, tile & 3
    addresses, keep = [], []
    for i in range(count):
        for byte in range(piece):
            y = d.y0 + row * count + i
            x = d.x0 + (column * piece + byte) // elem_bytes
            addresses.append((8 * d.base + 8 * (row * count + i) * d.row_pitch + column * piece + byte) % (1 << 21))
            keep.append(0 <= y < d.rows and 0 <= x < d.columns)
    return addresses, keep


@pytest.mark.parametrize(("count", "piece"), [(1, 64), (8, 8), (4, 16), (2, 32)])
def test_gathers_follow_the_definition(count, piece, rng):
    for _ in range(40):
        elem = int(rng.integers(4))
        d = Descriptor(
            base=int(rng.integers(1 << 18)),
            row_pitch=int(rng.integers(40)),
            rows=int(rng.integers(20)),
            columns=int(rng.integers(50)),
            y0=int(rng.integers(-10, 20)),
            x0=int(rng.integers(-40, 40)),
            elem=elem,
        )
        tile = int(rng.integers(8))
        addresses, keep = piece_bytes(d, tile, count, piece)
        expected = by_element(d, tile, count, piece, 1 << elem)
        assert addresses.tolist() == expected[0] and keep.tolist() == expected[1]


@pytest.mark.parametrize("size", [2, 4])
def test_drains_count_drained_elements(size, rng):
    """8x8 elements row by row; columns are those of the drained format whatever the descriptor's own element is."""
    for _ in range(20):
        rows, columns, elem = int(rng.integers(20)), int(rng.integers(30)), int(rng.integers(4))
        d = Descriptor(base=1000, row_pitch=7, rows=rows, columns=columns, y0=-2, x0=3, elem=elem)
        tile = int(rng.integers(8))
        addresses, keep = tile_bytes(d, tile, size)
        expected = by_element(d, tile, 8, 8 * size, size)
        assert addresses.tolist() == expected[0] and keep.tolist() == expected[1]


def test_range_faults_name_the_first_word_outside():
    node = Node(TINY)
    keep = np.ones(64, bool)
    keep[8:16] = False
    addresses = np.arange(64) + TINY.sram_bytes - 16
    with pytest.raises(Exception, match="RANGE") as caught:
        node.check_words(addresses, keep)
    assert caught.value.operand == TINY.sram_bytes
    keep[16:] = False
    node.check_words(addresses, keep)
