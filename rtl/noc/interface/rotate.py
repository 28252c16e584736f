"""Turns the words of a line."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value

from golden.arch.sram import LINE_WORDS

WORD = 64


def rotated(m: Module, line: Value, by: Value, name: str) -> Signal:
    """The line with word i at place i + `by`, modulo its words: three stages of multiplexers."""
    for stage in range((LINE_WORDS - 1).bit_length()):
        words = [line.word_select(place, WORD) for place in range(LINE_WORDS)]
        turned = Signal(LINE_WORDS * WORD, name=f"{name}_{stage}")
        m.d.comb += turned.eq(Mux(by[stage], Cat(words[place - (1 << stage)] for place in range(LINE_WORDS)), Cat(words)))
        line = turned
    return line
