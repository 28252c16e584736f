"""Build folders: whole or not there, made once."""

import threading

import pytest

from sim.compile import cache


def test_a_folder_is_filled_once(tmp_path):
    fills = []

    def fill(folder):
        fills.append(folder)
        (folder / "made").touch()

    first = cache.folder("kind", "key", fill, base=tmp_path)
    assert cache.folder("kind", "key", fill, base=tmp_path) == first == tmp_path / "kind" / "key"
    assert len(fills) == 1 and (first / "made").exists()


def test_a_failed_fill_leaves_nothing_and_is_tried_again(tmp_path):
    def broken(folder):
        (folder / "half").touch()
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        cache.folder("kind", "key", broken, base=tmp_path)
    assert not (tmp_path / "kind" / "key").exists()
    made = cache.folder("kind", "key", lambda folder: (folder / "whole").touch(), base=tmp_path)
    assert [path.name for path in made.iterdir()] == ["whole"]


def test_what_a_killed_build_left_is_removed(tmp_path):
    (tmp_path / "kind" / "key.partial").mkdir(parents=True)
    (tmp_path / "kind" / "key.partial" / "half").touch()
    made = cache.folder("kind", "key", lambda folder: None, base=tmp_path)
    assert not list(made.iterdir())


def test_a_second_builder_waits_for_the_first(tmp_path):
    entered, release, fills = threading.Event(), threading.Event(), []

    def slow(folder):
        fills.append("slow")
        entered.set()
        assert release.wait(30)

    first = threading.Thread(target=cache.folder, args=("kind", "key", slow), kwargs={"base": tmp_path})
    first.start()
    assert entered.wait(30)
    second = threading.Thread(
        target=cache.folder, args=("kind", "key", lambda folder: fills.append("again")), kwargs={"base": tmp_path}
    )
    second.start()
    release.set()
    first.join()
    second.join()
    assert fills == ["slow"]


def test_digest_keeps_boundaries_apart():
    assert cache.digest("ab", "c") != cache.digest("a", "bc")
    assert cache.digest("a") == cache.digest(b"a")


def test_a_long_build_says_that_it_goes_on(capsys):
    told = threading.Event()
    with cache.progress("compiling", first=0.0, every=0.001):
        told.wait(0.05)
    assert "build: compiling: 0 s so far" in capsys.readouterr().err
