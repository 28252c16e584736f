"""A regression of a small tree: passes, failures, a crash, lost workers, seeds, Ctrl-C and going on after it."""

import os
import signal
import textwrap
import threading
import time
from pathlib import Path

import pytest

from sim.suite import farm, regress
from sim.suite.farm import Local
from sim.suite.journal import RegressError
from sim.suite.known import Known
from sim.suite.wish import Wish
from tests.sim.suite.tree import WRONG_WITH_WAVES, Told, plant

TESTS = {
    "good": """
        def test_seeded(rng, request):
            with open("drawn.txt", "a") as file:
                print(request.config.getoption("seed"), rng.integers(0, 2**62), file=file)

        def test_plain():
            assert 1 + 1 == 2
    """,
    "bad": """
        import pytest

        @pytest.mark.parametrize("size", [1, 2, 3])
        def test_sizes(size):
            assert size < 2, f"size {size}"

    """,
    "dies": """
        import os

        def test_before():
            pass

        def test_dies():
            os.abort()

        def test_after():
            pass
    """,
    "unread": "import nothing_of_this_name\n",
    "long": """
        import os, signal, time, pytest

        @pytest.mark.parametrize("number", range(4))
        def test_waits(number):
            if number == 2 and not os.path.exists("go"):
                os.kill(int(open("stopped").read()), signal.SIGINT)
                time.sleep(60)
    """,
}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """tree("good", ...): a folder with these files of tests; the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(farm, "BEFORE", ["numpy", "hypothesis"])  # these tests import next to nothing else
    def make(*names):
        texts = {**TESTS, "bad": textwrap.dedent(TESTS["bad"]) + WRONG_WITH_WAVES}
        plant(tmp_path, {name: texts[name] for name in names})
        return tmp_path

    return make


def run(tree, told=None, **wish):
    """The report of a regression there, and its tests as name -> passed."""
    results = tree / "results"
    results.mkdir(exist_ok=True)
    settings = {"patterns": ("tests",), "jobs": 1, "counted": False, **wish}
    report = regress.regress(results, tree / "build" / "regress.open", Wish(**settings), told or Told(), tree)
    return report, {f"{row['name'].removeprefix('tests/')} {row['seed']}": row["passed"] for row in report["tests"]}


def test_what_passes_fails_dies_or_cannot_be_read_is_told_test_by_test(tree):
    told = Told()
    report, tests = run(tree("good", "bad", "dies", "unread"), told)
    assert tests == {
        "test_bad.py::test_sizes[1] 0": True,
        "test_bad.py::test_sizes[2] 0": False,
        "test_bad.py::test_sizes[3] 0": False,
        "test_bad.py::test_wrong_with_waves 0": False,
        "test_dies.py::test_after 0": True,
        "test_dies.py::test_before 0": True,
        "test_dies.py::test_dies 0": False,
        "test_good.py::test_plain 0": True,
        "test_good.py::test_seeded 0": True,
        "test_unread.py 0": False,
    }
    buckets = {bucket["signature"]: bucket for bucket in report["buckets"]}
    sizes = buckets["AssertionError: size #"]
    assert sizes["count"] == 2 and sizes["rerun"].startswith(".venv/bin/python -m pytest 'tests/test_bad.py::test_sizes[")
    assert buckets["its process was ended by signal #"]["tests"] == ["tests/test_dies.py::test_dies seed 0"]
    assert any("nothing_of_this_name" in bucket["message"] for bucket in report["buckets"])
    wrong = buckets["KeyError: 'wrong'"]
    assert wrong["rerun"].endswith("--waves") and [(tree_file(path)) for path in wrong["waves"]] == ["$end"]
    assert "raise KeyError" in wrong["text"]
    log = next(row["log"] for row in report["tests"] if row["name"].endswith("test_dies"))
    assert "Aborted" in tree_file(log)
    assert sum(note.startswith("failed: ") for note in told.notes) == 5 and sum(note.startswith("waves of ") for note in told.notes) == 1
    assert report["history"][-1] | {"tests": 10, "failed": 5} == report["history"][-1] and not os.path.exists("build/regress.open")
    assert len(Known().failing) == 5


def tree_file(name):
    return Path(f"results/{name}").read_text()


def test_seeds_draw_the_same_in_any_order_and_failures_come_first_later(tree):
    place = tree("good", "bad")
    report, tests = run(place, patterns=("tests/test_good.py", "tests/test_bad.py::test_sizes"), seeds=2, first=5)
    assert report["seeds"] == 2 and sorted(name for name in tests if "good" in name) == [
        "test_good.py::test_plain 5", "test_good.py::test_seeded 5", "test_good.py::test_seeded 6"]  # fmt: skip
    first = sorted((place / "drawn.txt").read_text().splitlines())
    (place / "drawn.txt").unlink()
    report, _ = run(place, seeds=2, first=5, jobs=2, tags="not rtl")
    assert sorted((place / "drawn.txt").read_text().splitlines()) == first and len({line.split()[1] for line in first}) == 2
    report, _ = run(place, tags="not rtl")
    assert {row["name"][-4:] for row in report["tests"][:2]} == {"s[2]", "s[3]"} and report["tests"][0]["seed"] == 5


@pytest.mark.slow
def test_ten_runs_of_a_seed_in_shuffled_orders_are_equal(tree, rng):
    place, found = tree("good", "bad", "dies"), []
    names = [f"tests/test_{file}.py::{test}" for file, test in (("good", "test_seeded"), ("good", "test_plain"), ("bad", "test_sizes[1]"))]
    for jobs in (1, 2) * 5:
        known = Known()
        known.times = dict(zip(names, rng.permutation([0.1, 70.0, 90.0]).tolist(), strict=True))  # which come first, and with whom
        known.failing = []
        known.save()
        report, _ = run(place, jobs=jobs, seeds=2)
        found.append({(row["name"], row["seed"]): (row["passed"], row.get("message")) for row in report["tests"]})
    assert all(other == found[0] for other in found) and len(found[0]) == 10
    drawn = sorted((place / "drawn.txt").read_text().splitlines())
    assert len(drawn) == 20 and len(set(drawn)) == 2


def test_ctrl_c_ends_with_what_there_is_and_the_next_run_goes_on(tree):
    place = tree("long")
    (place / "stopped").write_text(str(os.getpid()))
    report, tests = run(place)
    assert report["interrupted"] and list(tests) == [f"test_long.py::test_waits[{number}] 0" for number in (0, 1)]
    (place / "go").touch()
    began = (place / "build/regress.open/000002/rows.jsonl").stat().st_mtime_ns
    report, tests = run(place, resume=True)
    assert not report["interrupted"] and len(tests) == len(report["tests"]) == 4 and all(tests.values())
    assert began and not (place / "build/regress.open").exists()
    with pytest.raises(RegressError, match="there is no run to go on with"):
        run(place, resume=True)


def test_what_a_lost_worker_had_not_done_runs_again(tree, monkeypatch):
    place, told = tree("long"), Told()
    (place / "stopped").write_text("0")
    (place / "go").touch()
    farms = []

    class Watched(Local):
        def submit(self, order):
            farms.append(self)
            return super().submit(order)

    def kill():
        """The worker, once it has begun the tests."""
        end = time.monotonic() + 30
        while not list(place.glob("build/regress.open/*/rows.jsonl")) and time.monotonic() < end:
            time.sleep(0.01)
        os.kill(farms[0].processes()[0], signal.SIGKILL)

    text = (place / "tests/test_long.py").read_text()
    (place / "tests/test_long.py").write_text(text.replace("    if number", "    time.sleep(0.5)\n    if number"))
    monkeypatch.setattr(regress, "Local", Watched)
    killer = threading.Thread(target=kill)
    killer.start()
    _, tests = run(place, told)
    killer.join()
    assert len(tests) == 4 and all(tests.values())
    assert [note for note in told.notes if "is gone: what it had not done runs again" in note]


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"patterns": ("tests/test_god.py",)}, "no test is called tests/test_god.py: did you mean tests/test_good.py?"),
        ({"patterns": ("tests/test_good.py::test_plan",)}, "no test is called .*: did you mean tests/test_good.py::test_plain or "),
        ({"tags": "system"}, "no test fits tests and the tags system"),
    ],
)
def test_what_does_not_exist_is_one_sentence(wish, sentence, tree):
    place = tree("good")
    with pytest.raises((ValueError, RegressError), match=f"^{sentence}".replace("?", r"\?")):
        run(place, **wish)
    assert not (place / "build/regress.open").exists()


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"seeds": 0}, "0 seeds test nothing: at least 1"),
        ({"jobs": 0}, "0 jobs run nothing: at least 1"),
        ({"budget": 0}, "a budget of 0 minutes is none"),
        ({"tags": "quick"}, "'quick' is no expression of tags"),
    ],
)
def test_a_wish_that_is_none_is_one_sentence(wish, sentence):
    with pytest.raises(ValueError, match=sentence):
        Wish(**wish)


def test_a_budget_without_seeds_goes_on_as_long_as_something_fits(tree, monkeypatch):
    place = tree("good")
    monkeypatch.setattr(regress.Run, "left", lambda run: 100.0 if len(run.rows) < 4 else 0.1)
    report, tests = run(place, budget=600.0)
    assert sorted(tests) == ["test_good.py::test_plain 0", *(f"test_good.py::test_seeded {seed}" for seed in range(3))]
    assert report["seeds"] == 3 and not report["left_out"]
