"""What past runs taught, kept in files that may be damaged."""

import json

from sim.suite.known import Known


def row(name, seed, passed, seconds):
    return {"name": name, "seed": seed, "passed": passed, "wall_s": seconds}


def test_times_follow_the_newest_and_failures_stay_until_they_pass(tmp_path):
    known = Known(tmp_path / "known")
    known.learn([row("a", 1, True, 4.0), row("b", 1, False, 1.0), row("b", 2, False, 1.0)])
    known.save({"failed": 2})
    known = Known(tmp_path / "known")
    assert known.times == {"a": 4.0, "b": 1.0} and known.failing == [("b", 2), ("b", 1)]
    known.learn([row("a", 1, True, 8.0), row("b", 2, True, 1.0)])
    known.save()
    known = Known(tmp_path / "known")
    assert known.times["a"] == 6.0 and known.failing == [("b", 1)] and known.history == [{"failed": 2}]


def test_a_damaged_file_is_none(tmp_path):
    (tmp_path / "times.json").write_text("{")
    (tmp_path / "failing.json").write_text(json.dumps(["no name"]))
    known = Known(tmp_path)
    assert (known.times, known.failing, known.history) == ({}, [], [])
