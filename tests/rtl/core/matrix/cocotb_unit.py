"""Runs inside Verilator: the matrix unit against golden numerics, cycle by cycle.

Parameters: the latencies that rtl.core.interfaces promises. Every reply and every trace record is expected at its exact
cycle; a drain is asked for at the earliest cycle allowed, and its accumulator overwritten at the earliest one.
"""

import cocotb
import numpy as np

from golden.arch.formats import BF16, CFLOAT8_1_4_3, CFLOAT8_1_5_2, FP16, FP32, SHP, UHP
from golden.arch.simd_ops import SimdFlag
from golden.numerics import matrix
from golden.numerics.convert import f32_bits, widen_bf16
from golden.numerics.random import element_words
from tb.bind import bind, parameters
from tb.clock import cycles, start
from tb.seed import generator

FORMATS = (BF16, CFLOAT8_1_4_3, CFLOAT8_1_5_2)  # by OperandFormat
BEATS = (4, 2, 8, 2, 2, 2, 2, 2)  # by DrainFormat
DRAINED = (FP32, BF16, None, FP16, CFLOAT8_1_4_3, CFLOAT8_1_5_2, SHP, UHP)  # by DrainFormat
QUARTER, ROW, RAW = range(3)
PLAIN = {"transposed": 0, "format": 0, "half": 0, "bias": 0}


class Unit:
    """Drives the ports and says what must come out; `tick` checks every output of the cycle."""

    def __init__(self, ports):
        self.ports = ports
        self.now = 0
        self.state = [matrix.clear((8, 8))] * 32
        self.busy = [-100] * 32  # cycle of the last operation
        self.read = [-100] * 32  # cycle of the last drain beat
        self.replies = {}
        self.records = {}
        self.raised = 0  # flags that drains raised
        self.compared = 0
        self.due = parameters()

    async def tick(self, **inputs):
        for name in ("operations__step", "operations__load", "drains__request"):
            self.ports[name].set(inputs.get(name, {}))
        for name in ("operations__step_a", "operations__step_b", "operations__load_data"):
            if name in inputs:
                self.ports[name].set(inputs[name])
        await cycles(self.ports, 1)
        # At the edge that ends it, the outputs are still those of the cycle that the inputs began.
        record, raised = self.ports["operations__ended"].fields(), [0] * 4
        for way in ("", "narrow_"):
            reply, expected = self.ports[f"drains__{way}reply"].fields(), self.replies.pop((way, self.now), None)
            assert reply["valid"] == (expected is not None), f"cycle {self.now}: a {way}beat too early, late or never"
            if expected is not None:
                tag, thread, flags, data, kept, what = expected
                got = self.ports[f"drains__{way}data"].get() & kept
                assert (reply["tag"], f"{got:0128x}") == (tag, f"{data:0128x}"), what
                raised[thread] |= flags
                self.compared += 1
        shown = self.ports["events__flags"].fields()
        assert shown == raised, f"cycle {self.now}: flags {shown}, not {raised}"
        expected = self.records.pop(self.now, None)
        assert record["valid"] == (expected is not None), f"cycle {self.now}: a record too early, late or never"
        if expected is not None:
            assert (8 * record["thread"] + record["acc"], record["digest"]) == expected, f"cycle {self.now}"
            self.compared += 1
        self.now += 1

    def changed(self, slot, accumulators):
        """The operation given this cycle leaves these accumulators."""
        self.state[slot] = accumulators
        self.busy[slot] = self.now
        self.records[self.now + self.due["DIGEST_LATENCY"]] = (slot, int(matrix.digest(accumulators.raw())))

    def step(self, slot, a, b, first, modes, noise=0):
        """Inputs of a step: a (8, 4) and b (4, 8) hold codes of their modes' formats, which golden widens."""
        bits = []
        for codes, mode in ((a, modes[0]), (b, modes[1])):
            fmt = FORMATS[mode["format"]]
            wide = codes if fmt is BF16 else widen_bf16(fmt, codes, mode["bias"])
            bits.append(np.asarray(wide, np.uint16))
        self.changed(slot, matrix.step(self.state[slot], *bits, bool(first)))
        request = {"valid": 1, "first": first, "thread": slot // 8, "acc": slot % 8, "a": modes[0], "b": modes[1]}
        operands = {
            "operations__step_a": register(a, modes[0], noise),
            "operations__step_b": register(b.T, modes[1], noise, True),
        }
        return {"operations__step": request} | operands

    def load(self, slot, kind, index, words):
        """Inputs of a load of 64 bytes, given as 16 FP32 words or 8 raw ones."""
        raw = self.state[slot].raw().copy()
        if kind == QUARTER:
            rows, columns = 4 * (index >> 1), 4 * (index & 1)
            raw[rows : rows + 4, columns : columns + 4] = matrix.load_f32(words.reshape(4, 4)).raw()
        elif kind == ROW:
            raw[:] = matrix.load_f32(words[8 * index : 8 * index + 8]).raw()
        else:
            raw[index] = words
        self.changed(slot, matrix.from_raw(raw))
        request = {"valid": 1, "thread": slot // 8, "acc": slot % 8, "kind": kind, "index": index}
        return {"operations__load": request, "operations__load_data": int.from_bytes(words.tobytes(), "little")}

    def drain(self, slot, kind, beat, relu, tag, how=None):
        """Inputs of one beat of a drain, of which some rows and columns are stored. ``how``: bias, stochastic, seed, counter, tile."""
        tile, how, fmt = self.state[slot], how or {}, DRAINED[kind]
        bias, random, kept = None, None, (1 << 512) - 1
        if fmt is not None and fmt.has_bias:
            bias = how.get("bias", 0)
        if how.get("stochastic") and fmt not in (FP32, None):
            n = 64 * how.get("tile", 0) + np.arange(64).reshape(8, 8)
            random = element_words(how["seed"], how["counter"], n)
        stored_rows, stored_columns = tag * 7 % 16, tag * 37 % 256
        stored = np.array([[stored_rows >> i & stored_columns >> j & 1 for j in range(8)] for i in range(4)], bool)
        flags = 0
        if kind == 0:
            rows, columns = 4 * (beat >> 1), 4 * (beat & 1)
            part = np.s_[rows : rows + 4, columns : columns + 4]
            data, stored = matrix.drain(tile, FP32, relu=relu)[part].astype("<u4"), stored[:, columns : columns + 4]
        elif kind != 2:
            part = np.s_[4 * beat : 4 * beat + 4]
            data = matrix.drain(tile, fmt, bias, random, relu=relu)[part].astype(f"<u{fmt.bytes}")
            if fmt.bytes == 1:  # eight bytes of sixteen
                data, kept = np.pad(data, ((0, 0), (0, 8))), sum(((1 << 64) - 1) << 128 * row for row in range(4))
        else:
            data = tile.raw()[beat].astype("<u8")
        if kind != 2:
            raised = matrix.drain_flags(tile, fmt, bias, random, relu=relu)
            flags = sum(flag for flag in SimdFlag if (raised._asdict()[flag.name.lower()][part] & stored).any())
            self.raised |= flags
        what = f"drain of slot {slot}, format {kind}, beat {beat}, asked in cycle {self.now}"
        way = "narrow_" if kind > 2 or random is not None else ""
        due = self.now + self.due["NARROW_LATENCY" if way else "DRAIN_LATENCY"]
        self.replies[way, due] = (tag, slot // 8, flags, int.from_bytes(data.tobytes(), "little"), kept, what)
        self.read[slot] = self.now
        request = {"valid": 1, "thread": slot // 8, "acc": slot % 8, "beat": beat, "format": kind, "relu": relu}
        return {"drains__request": request | how | {"tag": tag, "rows": stored_rows, "columns": stored_columns}}

    async def drain_tile(self, slot, kind, relu=0):
        """Drains a whole tile at the earliest cycle allowed."""
        while self.now < self.busy[slot] + self.due["STEP_TO_DRAIN"]:
            await self.tick()
        for beat in range(BEATS[kind]):
            await self.tick(**self.drain(slot, kind, beat, relu, self.now % 256))

    async def finish(self):
        for _ in range(2 * self.due["DIGEST_LATENCY"]):
            await self.tick()
        assert self.compared and not self.replies and not self.records


def register(codes, mode, noise, swapped=False):
    """Register with the codes (8, 4), rows being what `plain` keeps together (for B, given as B^T, what it does not)."""
    wide = mode["format"] == 0
    places = np.zeros((8, 4), int)
    for i in range(8):
        for k in range(4):
            if bool(mode["transposed"]) != swapped:
                places[i, k] = 8 * (k if wide else 4 * mode["half"] + k) + i
            else:
                places[i, k] = 4 * i + k if wide else 8 * i + 4 * mode["half"] + k
    width = 16 if wide else 8
    word = noise
    for place, code in zip(places.ravel().tolist(), codes.ravel().tolist(), strict=True):
        word = word & ~(((1 << width) - 1) << width * place) | code << width * place
    return word


def codes(pick, shape, fmt):
    """Codes with exponents near each other, and now and then any code at all."""
    if fmt is not BF16 or pick.random() < 0.05:
        return np.array([pick.getrandbits(fmt.bits) for _ in range(32)], np.uint16).reshape(shape)
    words = [pick.getrandbits(1) << 15 | pick.randint(117, 137) << 7 | pick.getrandbits(7) for _ in range(32)]
    return np.array(words, np.uint16).reshape(shape)


def mode(pick, kinds=(0, 1, 2)):
    return {
        "transposed": pick.randint(0, 1),
        "format": pick.choice(kinds),
        "half": pick.randint(0, 1),
        "bias": pick.randint(0, 63),
    }


async def begin(dut):
    ports = bind(dut)
    await start(ports)
    unit = Unit(ports)
    # Accumulators keep what the test before left in them.
    nothing = np.zeros((8, 4), np.uint16)
    for slot in range(32):
        await unit.tick(**unit.step(slot, nothing, nothing.T, 1, (PLAIN, PLAIN)))
    return unit, generator("operations")


@cocotb.test()
@cocotb.parametrize(kind=[0, 1, 2], transposed=[0, 1])
async def operand_layouts(dut, kind, transposed):
    """Each format and storage order; bits of the register that belong to no element are noise."""
    unit, pick = await begin(dut)
    for n in range(40):
        modes = [mode(pick, (kind,)) for _ in range(2)]
        modes[n % 2]["transposed"] = transposed
        a, b = (codes(pick, shape, FORMATS[kind]) for shape in ((8, 4), (4, 8)))
        await unit.tick(**unit.step(n % 32, a, b, n % 3 == 0, modes, pick.getrandbits(512)))
    await unit.drain_tile(7, 2)
    await unit.finish()


@cocotb.test()
async def subnormal_operands_and_all_short_codes(dut):
    """Every eight-bit code of both formats and biases at the ends, and BF16 subnormals, against one."""
    unit, _pick = await begin(dut)
    one = np.full((4, 8), 0x3F80, np.uint16)
    for kind in (1, 2):
        for bias in (0, 1, 15, 63):
            for base in range(0, 256, 32):
                a = np.arange(base, base + 32, dtype=np.uint16).reshape(8, 4)
                await unit.tick(**unit.step(0, a, one, 1, ({**PLAIN, "format": kind, "bias": bias}, PLAIN)))
    for base in range(0, 256, 32):
        a = np.arange(base, base + 32, dtype=np.uint16).reshape(8, 4)
        await unit.tick(**unit.step(1, a, one, 0, (PLAIN, PLAIN)))
    await unit.finish()


@cocotb.test()
@cocotb.parametrize(kind=[QUARTER, ROW, RAW])
async def loads(dut, kind):
    """Loads back to back and between steps; parts that a load does not name stay."""
    unit, pick = await begin(dut)
    for n in range(120):
        slot = pick.choice((3, 3, 3, 9, 31))
        if n % 4 == 3:
            a, b = (codes(pick, shape, BF16) for shape in ((8, 4), (4, 8)))
            await unit.tick(**unit.step(slot, a, b, 0, (PLAIN, PLAIN)))
            continue
        if kind == RAW:
            index = pick.randrange(8)
            words = np.array([pick.getrandbits(64) >> pick.choice((0, 2, 9)) for _ in range(8)], np.uint64)
        else:
            index = pick.randrange(4 if kind == QUARTER else 2)
            words = np.array([fp32(pick) for _ in range(16)], np.uint32)
        await unit.tick(**unit.load(slot, kind, index, words))
    for slot in (3, 9, 31):
        await unit.drain_tile(slot, 2)
    await unit.finish()


def fp32(pick):
    if pick.random() < 0.1:
        return pick.choice((0, 0x80000000, 1, 0x807FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFA00000))
    if pick.random() < 0.3:
        return pick.getrandbits(32)
    return int(f32_bits(pick.gauss(0, 1)))


def rounding(pick, kind):
    """How a beat is rounded: a bias near the numbers' exponents, or any; with random words or not."""
    if kind in (0, 2):
        return {}
    how = {"bias": pick.choice((7, 10, 15, 20, pick.randrange(64))), "tile": pick.randrange(8), "stochastic": pick.randrange(2)}
    return how | {"seed": pick.getrandbits(64), "counter": pick.choice((pick.getrandbits(64), (1 << 64) - 1 - pick.randrange(32)))}


@cocotb.test()
@cocotb.parametrize(kind=list(range(8)))
async def drains_at_the_earliest_cycle_while_overwritten(dut, kind):
    """Step, drain as soon as allowed, and a *first* step on the same tile as soon as allowed."""
    unit, pick = await begin(dut)
    for n in range(12):
        for _ in range(3):
            a, b = (codes(pick, shape, BF16) for shape in ((8, 4), (4, 8)))
            await unit.tick(**unit.step(n, a, b, 0, (PLAIN, PLAIN)))
        while unit.now < unit.busy[n] + unit.due["STEP_TO_DRAIN"]:
            await unit.tick()
        # All beats are asked for back to back; the new step enters DRAIN_TO_STEP cycles before the last.
        steps_at = unit.now + BEATS[kind] - 1 - unit.due["DRAIN_TO_STEP"]
        tile = unit.state[n]
        for beat in range(BEATS[kind]):
            latest, unit.state[n] = unit.state[n], tile
            inputs = unit.drain(n, kind, beat, n % 2, beat, rounding(pick, kind))
            unit.state[n] = latest
            if unit.now == steps_at or (beat == 0 and steps_at < unit.now):
                a, b = (codes(pick, shape, BF16) for shape in ((8, 4), (4, 8)))
                inputs |= unit.step(n, a, b, 1, (PLAIN, PLAIN))
            await unit.tick(**inputs)
    await unit.finish()


@cocotb.test()
async def everything_at_once(dut):
    """Random steps and loads every cycle or not, of all threads, with random beats drained beside them."""
    unit, pick = await begin(dut)
    for n in range(1500):
        inputs = {}
        slot = pick.choice((0, 0, 0, 1, 1, 8, 17, pick.randrange(32)))
        quiet = n - 1 - unit.due["DRAIN_TO_STEP"] > max(unit.read[slot] - 1, -100)
        if pick.random() < 0.8 and quiet:
            if pick.random() < 0.8:
                a_mode, b_mode = mode(pick, (0, 0, 0, 1, 2)), mode(pick, (0, 0, 0, 1, 2))
                a, b = (
                    codes(pick, shape, FORMATS[m["format"]])
                    for shape, m in (((8, 4), a_mode), ((4, 8), b_mode))
                )
                inputs |= unit.step(slot, a, b, pick.random() < 0.1, (a_mode, b_mode), pick.getrandbits(512))
            else:
                words = np.array([fp32(pick) for _ in range(16)], np.uint32)
                inputs |= unit.load(slot, QUARTER, pick.randrange(4), words)
        free = [s for s in range(32) if unit.now >= unit.busy[s] + unit.due["STEP_TO_DRAIN"]]
        if free and pick.random() < 0.6:
            kind = pick.randrange(8)
            beat = pick.randrange(BEATS[kind])
            inputs |= unit.drain(pick.choice(free), kind, beat, pick.randint(0, 1), pick.randrange(256), rounding(pick, kind))
        await unit.tick(**inputs)
    await unit.finish()
    assert unit.raised == SimdFlag.INVALID | SimdFlag.OVERFLOW | SimdFlag.UNDERFLOW
