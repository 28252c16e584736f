"""Build folders: whole or not there, made once."""

import os
import shutil
import subprocess
import sys
import threading
import time

import pytest

from sim.compile import cache
from sim.compile.stages import stage, total


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
    assert sorted(path.name for path in made.iterdir()) == [cache.LIST, "whole"]


def test_an_interruption_says_what_was_being_built(tmp_path):
    def interrupted(folder):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match="while compiling node, which the next command begins anew"):
        cache.folder("kind", "key", interrupted, what="compiling node", base=tmp_path)
    assert [path.name for path in (tmp_path / "kind").iterdir()] == ["key.lock"]


def test_what_a_killed_build_left_is_removed(tmp_path):
    (tmp_path / "kind" / "key.partial").mkdir(parents=True)
    (tmp_path / "kind" / "key.partial" / "half").touch()
    made = cache.folder("kind", "key", lambda folder: None, base=tmp_path)
    assert [path.name for path in made.iterdir()] == [cache.LIST]


def fill(folder):
    (folder / "below").mkdir()
    for name in ("node.so", "below/manifest.json"):
        (folder / name).write_text("whole")


DAMAGE = {
    "cut": lambda folder: (folder / "node.so").write_text("who"),
    "empty": lambda folder: (folder / "node.so").write_text(""),
    "gone": lambda folder: (folder / "below" / "manifest.json").unlink(),
    "without a list": lambda folder: (folder / cache.LIST).unlink(),
    "with half a list": lambda folder: (folder / cache.LIST).write_text('{"node.so": 5'),
    "with a list of nothing": lambda folder: (folder / cache.LIST).write_text("null"),
    "all gone": lambda folder: shutil.rmtree(folder / "below"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_made_again(damage, tmp_path):
    made = cache.folder("kind", "key", fill, base=tmp_path)
    damage(made)
    assert cache.folder("kind", "key", fill, base=tmp_path) == made
    assert (made / "node.so").read_text() == (made / "below" / "manifest.json").read_text() == "whole"
    assert sorted(os.listdir(tmp_path / "kind")) == ["key", "key.lock"]


def test_a_whole_folder_is_found_where_nothing_can_be_written(tmp_path, monkeypatch):
    made = cache.folder("kind", "key", fill, base=tmp_path)
    monkeypatch.setattr(cache, "locked", None)
    assert cache.folder("kind", "key", None, base=tmp_path) == made


def test_the_store_is_the_folder_that_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv(cache.SHARED, raising=False)
    assert cache.store() == cache.BUILD
    monkeypatch.setenv(cache.SHARED, str(tmp_path / "shared"))
    assert cache.folder("kind", "key", fill) == tmp_path / "shared" / "kind" / "key"


ONCE = """
import sys, time
from pathlib import Path
from sim.compile import cache
from sim.compile.stages import stage, total
def fill(folder):
    print("made", flush=True)
    time.sleep(0.5)
    (folder / "made").touch()
print((cache.folder("kind", "key", fill) / "made").is_file())
"""


def test_two_processes_share_a_store(tmp_path):
    environment = {**os.environ, cache.SHARED: str(tmp_path)}
    pipes = {"stdout": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", ONCE], cwd=cache.ROOT, env=environment, **pipes) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert sorted(said, key=len) == [["True"], ["made", "True"]]


def test_a_build_says_beforehand_what_it_took_the_last_time(tmp_path, capsys):
    (tmp_path / "times.json").write_text('{"compiling": {"C++": [40.2, 75], "linking": [1, 1]}, "short": {"rest": [1.0, 1.0]}}')
    cache.folder("kind", "a", fill, what="compiling", base=tmp_path)
    assert capsys.readouterr().err == "build: compiling: 41 s here last time (C++ 40, linking 1)\n"
    assert total(cache.times(tmp_path)["compiling"]).seconds < 1
    cache.folder("kind", "b", fill, what="short", base=tmp_path)
    assert capsys.readouterr().err == ""


def test_a_forecast_adds_what_comes_after(tmp_path):
    known = '{"making": {"text": [3.0, 2], "rest": [0.4, 0]}, "compiling": {"C++": [40.2, 75], "linking": [1, 1]}}'
    (tmp_path / "times.json").write_text(known)
    making, compiling = "making: 3 s here last time (text 3, rest 0)", "compiling: 41 s here last time (C++ 40, linking 1)"
    assert cache.forecast("making", "compiling", tmp_path) == f"{making}; then {compiling}; 45 s in all"
    assert cache.forecast("making", "", tmp_path) == "" == cache.forecast("new", "", tmp_path)
    assert cache.forecast("new", "compiling", tmp_path) == "new, then compiling: not built here before, a matter of minutes"


def test_stages_of_a_build_are_remembered_with_all_that_it_is_part_of(tmp_path):
    def inner(folder):
        with stage("text"):
            time.sleep(0.1)

    def outer(folder):
        cache.folder("kind", "inner", inner, what="writing", base=tmp_path)

    cache.folder("kind", "outer", outer, what="making", base=tmp_path)
    known = cache.times(tmp_path)
    assert list(known) == ["making", "writing"]
    assert known["making"]["text"] == known["writing"]["text"] and 0.1 <= known["making"]["text"].seconds


@pytest.mark.parametrize("text", ["", "[]", '{"making": 3}', '{"making": {"text": 3}}', '{"making": {"text": ["long", 1]}}'])
def test_times_that_cannot_be_read_are_none(text, tmp_path):
    (tmp_path / "times.json").write_text(text)
    assert cache.times(tmp_path) == {}


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
