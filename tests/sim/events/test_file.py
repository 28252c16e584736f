"""Files of events: what was told is read back by cycle, and a file that is none is refused in a sentence."""

import numpy as np
import pytest

from sim.events.file import EventsError, Recording, packed, unpacked
from tests.sim.events.made import dispatch, made

TOLD = [dispatch(cycle, cycle % 4) for cycle in range(3, 60, 4)]


def test_what_was_told_is_read_back(tmp_path):
    events = list(made(tmp_path / "a.events", TOLD).events(0, 100))
    assert [event.cycle for event in events] == [cycle for cycle, _, _ in TOLD]
    assert all(event.kind == "dispatch" and event.number == 0 for event in events)
    assert [event.fields["word"] for event in events] == [fields["word"] for _, _, fields in TOLD]


def test_a_window_holds_its_first_cycle_and_not_its_last(tmp_path):
    recording = made(tmp_path / "a.events", TOLD)
    assert [event.cycle for event in recording.events(7, 15)] == [7, 11]


def test_cycles_past_32_bits(tmp_path):
    recording = made(tmp_path / "a.events", TOLD, origin=(1 << 32) - 20)
    assert [event.cycle for event in recording.events(0, 100)] == [cycle for cycle, _, _ in TOLD]


def test_fields_that_are_records_are_read_as_such(tmp_path):
    heads = [{"valid": 1, "operands": 1, "able": 0}, *[{"valid": 0, "operands": 0, "able": 0}] * 3]
    (event,) = made(tmp_path / "a.events", [(5, "cycle", {"scalar": heads, "conflicts": 9})]).events(0, 10)
    assert event.fields["scalar"] == heads and event.fields["conflicts"] == 9


def test_a_window_is_cut_to_what_is_held(tmp_path):
    recording = made(tmp_path / "a.events", TOLD, window=(10, 60))
    assert recording.window(None) == (10, 60)
    assert recording.window((0, 20)) == (10, 20) and recording.window((30, None)) == (30, 60)
    assert recording.window(None, most=5) == (10, 15)


@pytest.mark.parametrize("window", [(60, 70), (0, 10), (1000, None)])
def test_a_window_outside_is_told(tmp_path, window):
    recording = made(tmp_path / "a.events", TOLD, window=(10, 60))
    with pytest.raises(EventsError, match=r"holds cycles 10 to 59"):
        recording.window(window)


@pytest.mark.parametrize("cut", [0, 10, 400, -1])
def test_a_file_that_is_cut_off_is_told(tmp_path, cut):
    made(tmp_path / "a.events", TOLD)
    whole = (tmp_path / "a.events").read_bytes()
    (tmp_path / "b.events").write_bytes(whole[:cut])
    with pytest.raises(EventsError, match=r"b.events is no whole file of events: record it again"):
        Recording(tmp_path / "b.events")


def test_damage_inside_is_told(tmp_path):
    made(tmp_path / "a.events", TOLD)
    image = bytearray((tmp_path / "a.events").read_bytes())
    image[60:90] = bytes(30)
    (tmp_path / "b.events").write_bytes(image)
    with pytest.raises(EventsError, match="is damaged"):
        list(Recording(tmp_path / "b.events").events(0, 100))


def test_another_archive_is_told(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("about.json", '{"version": 0}')
    with pytest.raises(EventsError, match="another version"):
        Recording(tmp_path / "other.zip")


def test_a_node_that_is_none_is_told(tmp_path):
    with pytest.raises(EventsError, match="holds no node '1,1': there are node"):
        made(tmp_path / "a.events", TOLD).node("1,1")


def test_regions_are_named_after_the_label_before(tmp_path):
    about = made(tmp_path / "a.events", [], source="start: nop\nnop\nother: nop\n").about
    assert [about.region(pc) for pc in (0x80, 0x100, 0x104, 0x108)] == ["0x80", "start", "start", "other"]


@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_what_is_packed_is_unpacked(count, rng):
    words = np.array(rng.integers(0, 1 << 32, count) & rng.choice([0, 0xFF, 0xFF00FF, 0xFFFFFFFF], count), np.uint32)
    assert np.array_equal(unpacked(packed(words)), words)
    sparse = np.zeros(1000, np.uint32)
    assert len(packed(sparse)) < 4 * 1000 / 7


def test_what_is_cut_off_is_not_unpacked():
    with pytest.raises(ValueError):
        unpacked(packed(np.arange(1000, dtype=np.uint32))[:-3])
