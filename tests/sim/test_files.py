"""Files that are complete or not there."""

import os

import pytest

from sim.files import check_writable, whole


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "new" / "report.json"
    with whole(path) as partial:
        partial.write_text("all")
        assert not path.exists()
    assert path.read_text() == "all" and os.listdir(path.parent) == ["report.json"]


def test_a_failure_leaves_what_was_there(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), whole(path) as partial:
        partial.write_text("ha")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["report.json"]


def test_asking_leaves_nothing_behind(tmp_path):
    check_writable(tmp_path / "new" / "folder" / "file")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("name", ["folder", "file/below", "/dev/null", "/proc/file"])
def test_what_cannot_be_written_is_named(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as caught:
        check_writable(name)
    assert caught.value.filename == name
