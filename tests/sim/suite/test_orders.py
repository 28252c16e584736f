"""What runs together, in which order, under which seeds, and what no longer fits."""

import itertools

from sim.suite.catalog import Case
from sim.suite.orders import PART, START, Order, Plan, compose, estimate

SEEDED = frozenset({"seeded"})
A, B, C = Case("tests/test_a.py::test_1", SEEDED), Case("tests/test_a.py::test_2"), Case("tests/test_b.py::test_3", SEEDED | {"rtl"})
TIMES = {A.name: 5.0, B.name: 3.0, C.name: 20.0}


def all_of(plan, left=float("inf")):
    return list(iter(lambda: plan.next(left), None))


def ran(orders):
    return [(name, order.seed) for order in orders for name in order.tests]


def test_a_file_is_one_order_and_the_longest_comes_first():
    assert compose([A, B, C], 7, TIMES) == [Order((C.name,), 7, START + 20), Order((A.name, B.name), 7, START + 8)]


def test_a_long_file_is_cut():
    tests = [Case(f"tests/test_long.py::test_{number}") for number in range(5)]
    orders = compose(tests, 0, {test.name: PART / 2 for test in tests})
    assert [len(order.tests) for order in orders] == [2, 2, 1] and ran(orders) == [(test.name, 0) for test in tests]


def test_what_nothing_is_known_of_is_guessed_by_its_tags():
    assert estimate(A, TIMES) == 5.0 and estimate(C, {}) > estimate(A, {}) and estimate(A, {}) == estimate(B, {})


def test_each_seed_runs_what_takes_one_and_the_first_also_the_rest():
    orders = all_of(Plan([A, B, C], range(3, 5), TIMES))
    assert ran(orders) == [(C.name, 3), (A.name, 3), (B.name, 3), (C.name, 4), (A.name, 4)]


def test_what_failed_before_comes_first_alone_and_once():
    orders = all_of(Plan([A, B, C], range(3, 4), TIMES, [(A.name, 9), (A.name, 3), ("gone", 3)]))
    assert ran(orders) == [(A.name, 9), (A.name, 3), (C.name, 3), (B.name, 3)] and len(orders) == 4


def test_what_is_done_does_not_run_again():
    assert ran(all_of(Plan([A, B, C], range(3, 4), TIMES, [(A.name, 3)], {(A.name, 3), (C.name, 3)}))) == [(B.name, 3)]


def test_something_in_between_comes_before_all_else():
    plan = Plan([A, B, C], range(1), TIMES)
    again = Order((A.name,), 0, 1.0, waves=True)
    plan.add(again)
    assert plan.next() == again and plan.next().tests == (C.name,)


def test_what_does_not_fit_is_left_out_and_told():
    plan = Plan([A, B, C], range(1), TIMES)
    assert ran(all_of(plan, 10.0)) == [(A.name, 0), (B.name, 0)] and plan.left_out == {(C.name, 0)}


def test_seeds_without_an_end_go_on_while_something_fits():
    plan = Plan([A, B, C], itertools.count(3), TIMES)
    orders, left = [], 60.0
    while order := plan.next(left):
        orders.append(order)
        left -= order.seconds
    assert ran(orders) == [(C.name, 3), (A.name, 3), (B.name, 3), (C.name, 4), (A.name, 4)]
    assert left < START + 5.0 and not plan.left_out  # nobody asked for the seed that did not fit


def test_seeds_without_an_end_end_when_no_test_takes_one():
    assert ran(all_of(Plan([B], itertools.count(), TIMES))) == [(B.name, 0)]


def test_the_time_that_is_left_counts_all_seeds():
    plan = Plan([A, B, C], range(3), TIMES)
    assert plan.seconds() == (28 + 25 + 25) + 6 * START
    all_of(plan)
    assert plan.seconds() == 0
