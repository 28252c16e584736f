"""What the parts of the front end say to each other."""

from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from golden.arch.memmap import LINE_BITS
from golden.arch.sram import LINE_WORDS
from rtl.core.groups import WINDOW_BITS, WINDOW_WORDS, Context
from rtl.core.interfaces import THREAD_BITS

Chosen = wiring.Signature(
    {
        # Turns -> a dispatch, windows: a thread dispatches in this cycle, which, and its state.
        "some": Out(1),
        "thread": Out(THREAD_BITS),
        "context": Out(Context),
    }
)
Window = wiring.Signature(
    {
        # Windows -> a dispatch: the chosen thread's window of its pc; of it, pairs that came in a word which cannot be corrected.
        "words": Out(data.ArrayLayout(32, WINDOW_WORDS)),
        "lost": Out(WINDOW_WORDS // 2),
    }
)
Flush = wiring.Signature(
    {
        # Windows -> cache, filler: everything is forgotten at the end of this cycle.
        "all": Out(1),
    }
)
Lookup = wiring.Signature(
    {
        # Windows -> cache: a thread's window is looked up; ``first``: the thread cannot go on without it.
        "valid": Out(1),
        "thread": Out(THREAD_BITS),
        "window": Out(WINDOW_BITS),
        "first": Out(1),
    }
)
Found = wiring.Signature(
    {
        # Cache -> windows. Flip-flops: the look-up of the previous cycle.
        "busy": Out(1),
        "thread": Out(THREAD_BITS),
        "window": Out(WINDOW_BITS),
        # It is there: the window itself, and its lost pairs.
        "hit": Out(1),
        "words": Out(32 * WINDOW_WORDS),
        "lost": Out(WINDOW_WORDS // 2),
    }
)
Miss = wiring.Signature(
    {
        # Cache -> filler: the line is not there, though SRAM has it; the thread cannot go on without it. Once more while it is missing.
        "valid": Out(1),
        "line": Out(LINE_BITS),
        "first": Out(1),
    }
)
Came = wiring.Signature(
    {
        # Filler -> cache: a line is written; it counts unless it was flushed under way.
        "valid": Out(1),
        "counts": Out(1),
        "line": Out(LINE_BITS),
        "data": Out(512),
        # Its lost words, a cycle later.
        "told": Out(1),
        "lost": Out(LINE_WORDS),
    }
)
Probe = wiring.Signature(
    {
        # Filler -> cache: whether this line is there, in the same cycle.
        "line": Out(LINE_BITS),
        "there": In(1),
    }
)
FetchEvents = wiring.Signature(
    {
        # Filler -> events: a line was asked for because a thread's current window was missing; one cycle, a flip-flop.
        "miss": Out(1),
    }
)


def left(width: int) -> wiring.Signature:
    """A dispatch -> watch: per slot its word, whether it leaves decode, whether its predicate is true as well."""
    return wiring.Signature({"words": Out(data.ArrayLayout(32, width)), "go": Out(width), "on": Out(width)})
