"""The SRAM as a whole: every answer under random traffic, latencies, errors, the sweep, and both data bodies."""

import numpy as np
import pytest

from golden.arch.sram import LINE_READ_LATENCY, LOAD_LATENCY, encode, inject, injected, word_at
from rtl.mem.ports import Reader
from rtl.mem.sram import SRAM
from tb.memory import LOADS, PORTS, REQUEST, check, final_words, traffic

ROWS = 256
ALL = np.uint64(2**64 - 1)

pytestmark = pytest.mark.rtl

EVERY = {"l0": 900, "l1": 900, "st": 900, "sl": 900, "ss": 900, "mw": 700, "mr": 700, "fill": 200}
MIXES = {
    "all ports, anywhere": {},
    "all ports, 40 words": {"spread": 40},
    "all ports, 4 words": {"spread": 4},
    "all ports, gaps": {"spread": 300, "gap": 2.0},
    "partial stores, anywhere": {"partial": 0.5},
    "partial stores, 40 words": {"spread": 40, "partial": 0.5},
    "partial stores, 3 words": {"spread": 3, "partial": 0.8},
}


@pytest.fixture
def sram(load_player):
    return load_player(ROWS)


def one(port: str, addresses, *, keep: int | None = None, thread: int = 0, words=(), earliest: int = 0) -> np.ndarray:
    """One request; fewer than eight addresses enable as many lanes."""
    asked = np.zeros(1, REQUEST)
    asked["addr"][0, : len(addresses)] = addresses
    asked["enable"] = (1 << len(addresses)) - 1
    asked["keep"] = ALL if keep is None else keep
    if port == "mw" and keep is None or port == "ss" and keep is None:
        asked["keep"] = 0xFF
    asked["thread"] = thread
    asked["data"][0, : len(words)] = words
    asked["earliest"] = earliest
    return asked


@pytest.mark.parametrize("mix", MIXES)
def test_answers_under_random_traffic(sram, rng, mix):
    few = MIXES[mix].get("spread", ROWS) < 10  # every load of a word is judged against every store to it
    requests = traffic(rng, ROWS, {port: count // (4 if few else 1) for port, count in EVERY.items()}, **MIXES[mix])
    before = sram.words.copy()
    run = sram.run(requests, cycles=200_000)
    assert check(requests, run.answers, before) > (5_000 if few else 20_000)
    assert len(run.events) == 0
    for word, values in final_words(requests, run.answers, before).items():
        assert int(sram.words[word]) in values
    assert all(encode(int(word)) == bits for word, bits in zip(sram.words, sram.checks, strict=True))


def test_latency_of_a_request_alone(sram):
    for port in PORTS:
        run = sram.run({port: one(port, [0x123])})
        answer = run.answers[port][0]
        lanes = 8 if port in LOADS else 1
        least = {"mr": LINE_READ_LATENCY, "fill": LINE_READ_LATENCY, "st": 2, "ss": 2, "mw": 2}.get(port, LOAD_LATENCY)
        assert (answer["when"][:lanes] - answer["accepted"] == least).all(), port


def test_latency_of_partial_stores_and_reports(sram):
    sram.run({})
    for port in ("st", "ss"):
        answer = sram.run({port: one(port, [0x55], keep=0x3C)}).answers[port][0]
        assert answer["when"][0] - answer["accepted"] == 8, port
    flip(sram, 0x80, 3)
    run = sram.run({"sl": one("sl", [0x80])})
    assert run.events[0]["cycle"] == run.answers["sl"]["when"][0, 0] + 2
    flip(sram, 0x80, 4)
    run = sram.run({"sl": one("sl", [0x80])})
    assert run.events[0]["cycle"] == run.answers["sl"]["when"][0, 0] + 2


def test_a_load_offered_with_a_store_s_done_sees_it(sram):
    sram.run({})
    for port, data in (("st", 0x1111), ("ss", 0x2222), ("mw", 0x3333)):
        address = [0x18] if port == "mw" else [0xC0]
        store = one(port, address, words=[data])
        done = int(sram.run({port: store}).answers[port]["when"][0, 0])
        store["data"][0, 0] = data + 1
        for reader in ("l0", "l1", "sl"):
            run = sram.run({port: store, reader: one(reader, [0xC0], earliest=done)})
            assert run.answers[port]["when"][0, 0] == done
            assert run.answers[reader]["data"][0, 0] == data + 1, (port, reader)


def test_disabled_lanes_return_zero_without_a_bank(sram):
    sram.words[:] = ALL
    sram.checks[:] = encode(2**64 - 1)
    request = np.repeat(one("l0", [7] * 8), 50)
    request["enable"] = 0
    run = sram.run({"l0": request})
    assert (run.answers["l0"]["data"] == 0).all()
    assert run.conflicts == 0 and run.cycles < 80


def test_conflicts_count_lanes_that_lose(sram):
    run = sram.run({"l0": one("l0", [0x40] * 8)})
    assert run.conflicts == 7 + 6 + 5 + 4 + 3 + 2 + 1


# --- Errors -----------------------------------------------------------------------------------------------------------


def flip(sram, word: int, *bits: int) -> None:
    """Inverts bits 0..63 of a word or 64..71, its check bits, in the storage."""
    for bit in bits:
        if bit < 64:
            sram.words[word] ^= np.uint64(1 << bit)
        else:
            sram.checks[word] ^= np.uint8(1 << bit - 64)


def fill_random(sram, rng) -> np.ndarray:
    sram.words[:] = rng.integers(0, 1 << 64, len(sram.words), dtype=np.uint64)
    sram.checks[:] = [encode(int(word)) for word in sram.words]
    return sram.words.copy()


def test_every_single_error_is_corrected_on_every_port(sram, rng):
    good = fill_random(sram, rng)
    places = rng.permutation(len(good) // 8)[:72] * 8
    for bit, word in enumerate(places):
        flip(sram, word, bit)
    for port in ("l0", "l1", "sl", "mr", "fill"):
        address = places // 8 if port in ("mr", "fill") else places
        requests = np.concatenate([one(port, [int(at)], keep=ALL) for at in address])
        run = sram.run({port: requests})
        assert (run.answers[port]["data"][:, 0] == good[places]).all()
        assert (run.events["count"] == 1).all() and len(run.events) == 72
        assert list(run.events["addr"]) == list(places)


def test_corrected_words_of_one_cycle_are_all_counted(sram, rng):
    good = fill_random(sram, rng)
    for word in range(24):
        flip(sram, word, 3 * word)
    requests = {
        "l0": one("l0", list(range(8))),
        "l1": one("l1", list(range(8, 16))),
        "mr": one("mr", [2]),
        "sl": one("sl", [64]),
    }
    run = sram.run(requests)
    assert run.events["count"].sum() == 24
    assert (run.answers["mr"]["data"][0] == good[16:24]).all()


def double_errors(sram, rng, count: int) -> np.ndarray:
    """Words with two random wrong bits each, no two in one line."""
    fill_random(sram, rng)
    places = rng.permutation(len(sram.words) // 8)[:count] * 8 + rng.integers(0, 8, count)
    for word in places:
        flip(sram, word, *rng.choice(72, 2, replace=False))
    return places


@pytest.mark.parametrize("port", ("l0", "l1", "sl", "st", "ss"))
def test_double_errors_are_reported_to_the_thread(sram, rng, port):
    places = double_errors(sram, rng, 60)
    requests = []
    for number, word in enumerate(places):
        requests.append(one(port, [word], keep=0x3C, thread=number % 4, earliest=16 * number))
        requests[-1]["tag"] = number % 4 << (2 if port in ("st", "ss") else 0)
    run = sram.run({port: np.concatenate(requests)})
    assert (run.events["count"] == 0).all()
    assert list(run.events["addr"]) == list(places)
    assert (run.events["source"] == Reader[port.upper()].value).all()
    assert (run.events["thread"] == np.arange(60) % 4).all()


@pytest.mark.parametrize("port", ("mr", "fill"))
def test_double_errors_of_a_line_come_with_it(sram, rng, port):
    """Line by line, as fast as they go; no thread hears of them."""
    places = double_errors(sram, rng, 60)
    flip(sram, places[7] ^ 1, 2, 3)
    lines = np.concatenate([places // 8, rng.integers(0, len(sram.words) // 8, 60)])
    run = sram.run({port: np.concatenate([one(port, [line]) for line in lines])})
    expected = [sum(1 << int(word) % 8 for word in {*places, places[7] ^ 1} if word // 8 == line) for line in lines]
    assert list(run.answers[port]["lost"]) == expected
    assert len(run.events) == 0


def test_lost_words_of_one_cycle_are_all_told(sram, rng):
    """Every thread hears of one of its own, whatever port it came by."""
    fill_random(sram, rng)
    words = {"l0": 0, "l1": 9, "sl": 64, "mr": 16}
    for word in words.values():
        flip(sram, word, 1, 70)
    requests = {"l0": one("l0", [0], thread=2), "l1": one("l1", [9], thread=1), "sl": one("sl", [64]), "mr": one("mr", [2])}
    run = sram.run(requests)
    assert {(int(e["addr"]), Reader(int(e["source"])), int(e["thread"])) for e in run.events} == {
        (0, Reader.L0, 2),
        (9, Reader.L1, 1),
        (64, Reader.SL, 0),
    }
    assert len(set(run.events["cycle"])) == 1
    assert run.answers["mr"]["lost"][0] == 1

    # Of one thread the first of the ports in the order L0, L1, SL, of a port the lowest lane.
    flip(sram, 1, 2, 3)
    flip(sram, 2, 2, 3)
    run = sram.run({"l0": one("l0", [5, 1, 2], thread=3), "l1": one("l1", [9], thread=3)})
    assert [(int(e["addr"]), int(e["source"]), int(e["thread"])) for e in run.events] == [(1, Reader.L0.value, 3)]


@pytest.mark.parametrize("port", ("l0", "l1"))
def test_threads_on_one_port_lose_words_in_one_cycle(sram, rng, port):
    """Lanes of a port run apart: a thread's last lane, held up by its first, returns with the first lanes of the next."""
    fill_random(sram, rng)
    early, late = word_at(50, 20), word_at(50, 21)
    first, second = [early, *range(1, 7), late], [*range(8, 15), word_at(40, 30)]
    flip(sram, late, 5, 6)
    flip(sram, second[0], 5, 6)
    run = sram.run({port: np.concatenate([one(port, first, thread=3), one(port, second, thread=1)])})
    assert {(int(e["addr"]), int(e["thread"])) for e in run.events} == {(late, 3), (second[0], 1)}
    assert len(set(run.events["cycle"])) == 1


@pytest.mark.parametrize("port", ("st", "ss"))
def test_partial_store_over_errors(sram, rng, port):
    good = fill_random(sram, rng)
    flip(sram, 100, 5)
    flip(sram, 200, 5, 6)
    spoiled = int(sram.words[200])
    source = Reader[port.upper()].value

    # A single error is corrected on the way: the word written back is whole again.
    run = sram.run({port: one(port, [100], keep=0x0F, words=[0xAABBCCDD])})
    assert int(sram.words[100]) == int(good[100]) & ~0xFFFFFFFF | 0xAABBCCDD
    assert sram.checks[100] == encode(int(sram.words[100]))
    assert list(run.events["count"]) == [1]

    # A lost word stays as it is, is reported, and the store still ends.
    run = sram.run({port: one(port, [200], keep=0x0F, words=[0xAABBCCDD])})
    assert int(sram.words[200]) == spoiled
    assert [(int(e["addr"]), int(e["source"]), int(e["count"])) for e in run.events] == [(200, source, 0)]
    assert run.answers[port]["when"][0, 0] > 0


def test_injected_errors_reach_the_storage(sram):
    run = sram.run({"ss": one("ss", [77], words=[0x0123456789ABCDEF])}, inject=(inject(40), 0, 0, 0))
    assert int(sram.words[77]) == 0x0123456789ABCDEF ^ 1 << 40
    run = sram.run({"sl": one("sl", [77])})
    assert run.answers["sl"]["data"][0, 0] == 0x0123456789ABCDEF
    assert list(run.events["count"]) == [1]
    sram.run({"ss": one("ss", [77], words=[5])}, inject=(inject(64, 65), 0, 0, 0))
    assert list(sram.run({"sl": one("sl", [77])}).events["count"]) == [0]
    sram.run({"ss": one("ss", [77], words=[5])})
    assert len(sram.run({"sl": one("sl", [77])}).events) == 0


def test_every_bit_can_be_injected_and_by_the_thread_that_asked_only(sram):
    register = [inject(bit, (bit + 29) % 72) for bit in range(72)]
    for bit, value in enumerate(register):
        stores = np.concatenate([one("ss", [8 * bit + t], words=[7]) for t in range(4)])
        stores["tag"] = np.arange(4) << 2
        others = one("ss", [8 * bit + 4], words=[7], keep=0x0F), one("st", [8 * bit + 5], words=[7])
        others[0]["tag"] = others[1]["tag"] = bit % 4 << 2
        sram.run({"ss": np.concatenate([stores, others[0]]), "st": others[1]}, inject=tuple(value * (t == bit % 4) for t in range(4)))
        for t in range(6):
            flips = injected(value) if t == bit % 4 else 0
            stored = int(sram.words[8 * bit + t]) | int(sram.checks[8 * bit + t]) << 64
            assert stored == (7 | encode(7) << 64) ^ flips, (bit, t)


# --- Sweep and bodies -------------------------------------------------------------------------------------------------


def test_sweep_clears_the_flat_body(load_player, rng):
    sram = load_player(ROWS, sweep=True)
    fill_random(sram, rng)
    assert sram.reset() == ROWS * 64 // 16
    sram.run({})
    assert not sram.words.any() and not sram.checks.any()
    run = sram.run({"ss": one("ss", [9], words=[3]), "sl": one("sl", [9], earliest=10)})
    assert run.answers["sl"]["data"][0, 0] == 3


def test_without_sweep_the_ports_open_at_once(sram):
    assert sram.reset() == 0


def test_bad_parameters_are_refused():
    with pytest.raises(ValueError, match="rows is 2561, the address map holds 1 to 2560"):
        SRAM(2561)
    with pytest.raises(ValueError, match="body is 'round', there are 'flat' and 'banks'"):
        SRAM(256, "round")


@pytest.mark.parametrize("body", ("flat", pytest.param("banks", marks=pytest.mark.slow)))
def test_all_ports_at_once_under_cocotb(bench, body):
    rows = 64
    passed = bench(SRAM(rows, body), "cocotb_sram.py", parameters={"rows": rows})
    assert len(passed) == 41
