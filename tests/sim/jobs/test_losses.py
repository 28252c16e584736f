"""The largest losses, and what is said of them."""

from sim.events.causes import CAUSES, REMEDIES
from sim.jobs.losses import losses, told


def row(name: str, **causes: int) -> dict:
    every = dict.fromkeys(CAUSES, 0) | {cause.replace("_", " "): cycles for cause, cycles in causes.items()}
    return {"name": name, "cycles": sum(every.values()), "causes": every}


ROWS = [row("gemm", step=500, load=40, front_end=10), row("softmax", simd=300, step=50), row("sgd", simd=100)]


def test_the_largest_come_first_and_steps_are_none():
    assert [(loss.kernel, loss.cause, loss.cycles) for loss in losses(ROWS)] == [
        ("softmax", "simd", 300),
        ("sgd", "simd", 100),
        ("gemm", "load", 40),
    ]
    assert sum(loss.share for loss in losses(ROWS, 100)) == 450 / 1000


def test_no_loss_of_nothing():
    assert losses([row("gemm", step=5)]) == []


def test_each_is_told_with_what_helps():
    assert told(losses(ROWS)[0]) == f"softmax loses 300 cycles (30.0% of all) to simd: {REMEDIES['simd']}"


def test_every_cause_but_work_has_a_remedy():
    assert set(REMEDIES) == set(CAUSES) - {"step"}
