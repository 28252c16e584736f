"""Files, and results of runs, that are complete or not there."""

import errno
import os

import pytest

from sim import files
from sim.files import check_writable, results, whole


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


def test_two_writers_of_one_file_have_names_of_their_own(tmp_path):
    with whole(tmp_path / "report.json") as first, whole(tmp_path / "report.json") as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert (tmp_path / "report.json").read_text() == "first" and os.listdir(tmp_path) == ["report.json"]


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    with pytest.raises(OSError) as caught, whole(tmp_path / "weights.npz"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(tmp_path / "weights.npz") and not os.listdir(tmp_path)


# --- results of a run ----------------------------------------------------------------------------------------------------------


def finished(latest, text):
    with results(latest, "work") as run:
        (run.folder / "a").write_text(text)
        (run.folder / "b").write_text(text)
        run.finish()
    return run.folder


def content(folder):
    return [(folder / name).read_text() for name in ("a", "b")]


def test_the_link_names_the_newest_finished_run_and_the_older_are_kept(tmp_path):
    latest = tmp_path / "sim"
    first = finished(latest, "first")
    second = finished(latest, "second")
    assert latest.is_symlink() and content(latest) == ["second"] * 2
    assert content(first) == ["first"] * 2 and latest.resolve() == second.resolve()
    assert sorted(os.listdir(tmp_path / "runs")) == sorted([first.name, second.name])


def test_nothing_is_seen_of_a_run_that_is_not_finished(tmp_path):
    latest = tmp_path / "sim"
    finished(latest, "old")
    with pytest.raises(KeyboardInterrupt), results(latest, "work") as run:
        (run.folder / "a").write_text("new")
        assert content(latest) == ["old"] * 2
        raise KeyboardInterrupt
    assert content(latest) == ["old"] * 2 and len(os.listdir(tmp_path / "runs")) == 1


def test_two_runs_at_once_have_a_folder_each_and_the_later_end_is_the_newest(tmp_path):
    latest = tmp_path / "sim"
    with results(latest, "one") as one, results(latest, "two") as two:
        for run, text in ((one, "one"), (two, "two")):
            for name in ("a", "b"):
                (run.folder / name).write_text(text)
        two.finish()
        assert content(latest) == ["two"] * 2
        one.finish()
    assert content(latest) == ["one"] * 2


def test_what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "YOUNG", 0)
    latest = tmp_path / "sim"
    (tmp_path / "runs" / "dead.partial").mkdir(parents=True)
    (tmp_path / "runs" / "link.partial").symlink_to("nowhere")
    with results(latest, "alive") as alive:
        (alive.folder / "a").write_text("alive")
        (alive.folder / "b").write_text("alive")
        finished(latest, "other")
        alive.finish()
    assert content(latest) == ["alive"] * 2 and not list((tmp_path / "runs").glob("*.partial"))


def test_a_run_that_does_nothing_leaves_nothing(tmp_path):
    with results(tmp_path / "build" / "sim", "work"):
        assert (tmp_path / "build" / "runs").is_dir()
    assert not os.listdir(tmp_path)


def test_lost_results_are_named_and_the_old_ones_are_whole(tmp_path):
    latest = tmp_path / "sim"
    finished(latest, "old")
    with pytest.raises(OSError) as caught, results(latest, "work") as run, whole(run.folder / "b"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(latest / "b") and "results of this run are lost" in caught.value.strerror
    assert content(latest) == ["old"] * 2


def test_a_folder_in_the_way_of_the_link_is_kept_among_the_runs(tmp_path):
    latest = tmp_path / "sim"
    latest.mkdir()
    (latest / "report.json").write_text("mine")
    finished(latest, "new")
    kept = [path for path in (tmp_path / "runs").glob("*-before")]
    assert content(latest) == ["new"] * 2 and (kept[0] / "report.json").read_text() == "mine"
