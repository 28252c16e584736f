"""Traces in Chrome's format, read as its documentation says: spans of a track nest, pairs match, counters have numbers."""

import json
from collections import defaultdict

import pytest

from sim.events.instructions import follow
from sim.views.timeline import write_timeline
from tests.sim.events.made import SOURCE, course, made


def read(path):
    """Names of tracks, spans by track, pairs by id, counters by name; AssertionError where the format does not allow something."""
    trace = json.loads(path.read_text())
    groups, tracks, spans, open_pairs, pairs, counters = {}, {}, defaultdict(list), {}, [], defaultdict(list)
    for entry in trace["traceEvents"]:
        assert {"ph", "pid", "name"} <= entry.keys()
        where = entry["pid"], entry["tid"]
        match entry["ph"]:
            case "M":
                if entry["name"] == "process_name":
                    groups[entry["pid"]] = entry["args"]["name"]
                elif entry["name"] == "thread_name":
                    tracks[where] = entry["args"]["name"]
            case "X":
                assert entry["dur"] > 0
                spans[where].append((entry["ts"], entry["ts"] + entry["dur"], entry["name"]))
            case "b":
                open_pairs[entry["cat"], entry["id"]] = entry
            case "e":
                begin = open_pairs.pop((entry["cat"], entry["id"]))
                assert begin["name"] == entry["name"] and begin["ts"] < entry["ts"]
                pairs.append((begin["ts"], entry["ts"], entry["cat"], entry["name"]))
            case "C":
                assert all(isinstance(value, (int, float)) for value in entry["args"].values())
                counters[entry["name"]].append((entry["ts"], entry["args"]["value"]))
            case other:
                raise AssertionError(f"no phase {other}")
    assert not open_pairs and set(spans) <= set(tracks) and {pid for pid, _ in spans} <= set(groups)
    for each in spans.values():
        each.sort(key=lambda span: (span[0], -span[1]))
        for one, other in zip(each, each[1:], strict=False):
            assert other[0] >= one[1] or other[1] <= one[1], f"{one} and {other} overlap"
    return {tracks[where]: each for where, each in spans.items()}, pairs, counters


@pytest.fixture
def trace(tmp_path):
    recording = made(tmp_path / "a.events", course(), source=SOURCE)
    write_timeline(tmp_path / "t.json", [(follow(recording, 0, 40), recording.about)])
    return read(tmp_path / "t.json")


def test_threads_are_where_their_labels_say_and_held_as_they_stood(trace):
    spans, _, _ = trace
    assert spans["thread 0"] == [(13, 32, "start")] and spans["thread 0 is held"] == [(14, 32, "waits")]


def test_slots_hold_what_issued(trace):
    spans, _, _ = trace
    assert spans["scalar"] == [(15, 16, "ld.d"), (22, 23, "mul")] and "SIMD" not in spans


def test_loads_are_pairs(trace):
    assert trace[1] == [(17, 21, "loads of thread 0", "ld.d"), (24, 30, "loads of thread 0", "mul")]


def test_counters_are_means(tmp_path):
    told = [(cycle, "cycle", {"running": 1, "conflicts": 4, "matrix_wait": 1}) for cycle in range(1, 9)]
    told += [(cycle, "cycle", {"running": 1, "matrix_wait": 16, "matrix_step": 0}) for cycle in range(9, 12)]
    recording = made(tmp_path / "a.events", told)
    write_timeline(tmp_path / "t.json", [(follow(recording, 0, 32), recording.about)])
    spans, _, counters = read(tmp_path / "t.json")
    assert counters["bank conflicts a cycle"] == [(0, 2.0), (16, 0.0)]
    assert spans["why no matrix step"] == [(0, 8, "load"), (8, 11, "synchronisation")]
