"""The runner of proofs: what holds, what a planted fault breaks, what it says of a fault that is not there."""

from dataclasses import replace

import pytest

from sim.suite import formal
from sim.suite.formal import PROOFS
from sim.suite.formal_faults import FAULTS


def test_the_credit_counter_holds_for_ever():
    proof = next(proof for proof in PROOFS if proof.part == "credit counter")
    rows = formal.prove(proof)
    assert [row["name"] for row in rows] == [f"credit counter: {name}" for name in proof.properties]
    assert all(row["passed"] and row["bound"] is None for row in rows)


@pytest.mark.parametrize("wanted", ["no credit lost or made", "ok while there is credit"])
def test_a_planted_fault_breaks_its_property(wanted):
    row = formal.catch(next(fault for fault in FAULTS if fault.property == wanted))
    assert row["caught"]


def test_every_property_has_a_fault_and_every_fault_a_property():
    known = {(proof.part, name) for proof in PROOFS for name in proof.properties}
    aimed = {(fault.part, fault.property) for fault in FAULTS}
    assert aimed <= known and len(FAULTS) >= 50
    assert {part for part, _ in aimed} == {proof.part for proof in PROOFS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.part}: {fault.name}")
def test_the_text_of_a_fault_is_there_once(fault):
    assert formal.planted(fault).__name__ == fault.module


def test_a_fault_that_does_not_fit_is_a_sentence():
    with pytest.raises(formal.FormalError, match="rtl.noc.credits holds its text 0 times, not once"):
        formal.planted(replace(FAULTS[0], old="no such text"))
    with pytest.raises(formal.FormalError, match="no part 'toaster' among: credit counter, "):
        formal.formal(["toaster"])
