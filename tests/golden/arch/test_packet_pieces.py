"""Bytes cut into the payloads of WRITE packets."""

import pytest

from golden.arch.packet import pieces


@pytest.mark.parametrize("address, size", [(0, 64), (8, 64), (0x138, 8), (56, 200), (64, 8), (0x100, 0), (24, 16)])
def test_pieces_put_together_are_the_bytes(address, size):
    image = bytes(range(1, size + 1))
    memory = bytearray(512)
    for place, words, payload in pieces(address, image):
        assert place % 8 == 0 and 1 <= words <= 8 and len(payload) == 64 and place // 64 == (place + 8 * words - 1) // 64
        offset = place % 64
        assert not any(payload[:offset]) and not any(payload[offset + 8 * words :])
        memory[place : place + 8 * words] = payload[offset : offset + 8 * words]
    assert memory == bytes(address) + image + bytes(512 - address - size)


@pytest.mark.parametrize(("address", "size"), [(0x1C, 8), (0x18, 13), (0x18, 1)])
def test_what_is_no_whole_word_is_refused(address, size):
    with pytest.raises(ValueError, match=f"packets write words of 8 bytes, not {size} bytes at {address:#x}"):
        list(pieces(address, bytes(size)))


def test_bytes_that_begin_in_the_last_word_of_a_line():
    image = bytes(range(1, 25))
    assert list(pieces(0x38, image)) == [(0x38, 1, bytes(56) + image[:8]), (0x40, 2, image[8:] + bytes(48))]
    assert list(pieces(0x48, image)) == [(0x48, 3, bytes(8) + image + bytes(32))]
