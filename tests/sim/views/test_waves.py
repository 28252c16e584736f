"""Save files of viewers name signals that are there, and translate what they can; the waves are made by hand."""

import re

import pytest

from golden.asm import assemble
from sim.views.waves import GROUPS, WavesError, opened, signals, state, values_at

TREE = {
    "TOP": {"clk": 1},
    "TOP.node": {"clk": 1, "rx__control": 20},
    "TOP.node.core.threads": {"life__running": 4},
    "TOP.node.core.threads.thread_0.course": {"pc": 19, "stage__hold": 4, "stage__state": 3},
    "TOP.node.core.front": {"slot__0__0__word": 32},
    "TOP.node.core.vector.issue": {"cause": 6, "matrix__go": 1},
}


def vcd(tree: dict[str, dict[str, int]]) -> str:
    """Waves in which nothing happens."""
    lines, number = ["$timescale 1ps $end"], 0
    for scope, variables in tree.items():
        path = scope.split(".")
        lines += [f"$scope module {name} $end" for name in path]
        for name, bits in variables.items():
            lines.append(f"$var wire {bits} v{number} {name} $end")
            number += 1
        lines += ["$upscope $end"] * len(path)
    values = "".join(f"b0 v{i}\n" for i in range(number))
    return "\n".join([*lines, "$enddefinitions $end", "#0", values + "#500", ""])


@pytest.fixture
def waves(tmp_path):
    (tmp_path / "w.vcd").write_text(vcd(TREE))
    return tmp_path / "w.vcd"


def test_the_node_is_where_the_core_is(waves):
    scope, widths = signals(waves)
    assert scope == "TOP.node" and widths["TOP.node.core.threads.life__running"] == 4


def test_both_files_name_only_what_is_there(waves):
    program = assemble("start: nop\nhalt\n")
    commands = opened(waves, program)
    assert commands == [
        f"gtkwave {waves} {waves.with_suffix('.gtkw')}",
        f"surfer {waves} --command-file {waves.with_suffix('.sucl')}",
    ]
    _, widths = signals(waves)
    saved = [line for line in waves.with_suffix(".gtkw").read_text().splitlines() if not re.match(r"[\[@^*-]", line)]
    assert {re.sub(r"\[\d+:0\]$", "", line) for line in saved} == {name for name in widths if name.startswith("TOP.node.")}
    assert "TOP.node.core.threads.thread_0.course.pc[18:0]" in saved and "TOP.node.clk" in saved
    added = [line.split()[1] for line in waves.with_suffix(".sucl").read_text().splitlines() if line.startswith("variable_add")]
    assert set(added) <= set(widths) and len(added) == len(saved)


def test_values_are_translated(waves):
    opened(waves, assemble("start: nop\n li x1, 5\n halt\n"))
    lines = waves.with_suffix(".gtkw").read_text().splitlines()
    kinds = {"course.pc[18:0]": "pc", "slot__0__0__word[31:0]": "word", "issue.cause[5:0]": "cause", "stage__hold[3:0]": "hold"}
    for name, kind in kinds.items():
        at = next(i for i, line in enumerate(lines) if line.endswith(name))
        assert lines[at - 1] == f"^1 {waves.with_suffix(f'.{kind}.txt')}" and lines[at - 2] == "@2022"
    assert waves.with_suffix(".pc.txt").read_text().splitlines()[1].split(maxsplit=2) == ["00041", "0x104", "li x1, 5"]
    assert "4 SEMAPHORE" in waves.with_suffix(".hold.txt").read_text().splitlines()
    assert "10 MATRIX_WAIT_SYNC" in waves.with_suffix(".cause.txt").read_text()


def test_without_a_program_nothing_is_disassembled(waves):
    opened(waves)
    assert not waves.with_suffix(".pc.txt").exists() and "^1" in waves.with_suffix(".gtkw").read_text()


def test_groups_begin_and_end(waves):
    opened(waves)
    lines = waves.with_suffix(".gtkw").read_text().splitlines()
    assert lines.count("@800200") == lines.count("@1000200") >= 5
    assert {line[1:] for line in lines if line.startswith("-")} <= {title for title, _ in GROUPS}


def changing(tree) -> str:
    """The same, with a clock that beats for three cycles from cycle 4 on, and a program counter that counts with it."""
    text = vcd(tree)
    names = {line.split()[4]: line.split()[3] for line in text.splitlines() if line.startswith("$var")}
    clocks = [line.split()[3] for line in text.splitlines() if line.startswith("$var") and line.split()[4] == "clk"]
    body = ""
    for cycle in (4, 5, 6):
        ticks = ["".join(f"b{level} {clock}\n" for clock in clocks) for level in (1, 0)]
        body += f"#{500 * cycle}\n{ticks[0]}b{0x40 + cycle:b} {names['pc']}\n#{500 * cycle + 250}\n{ticks[1]}"
    head, zeros = text.split("$enddefinitions $end\n#0")
    return f"{head}$enddefinitions $end\n{body}"


def test_a_cycle_is_read_back(tmp_path):
    (tmp_path / "w.vcd").write_text(changing(TREE))
    assert values_at(tmp_path / "w.vcd", 5)["core.threads.thread_0.course.pc"] == 0x45
    assert values_at(tmp_path / "w.vcd", 5)["core.threads.life__running"] is None
    lines = list(state(tmp_path / "w.vcd", 6))
    assert lines[0].endswith("w.vcd: cycle 6") and "    core.threads.thread_0.course.pc 0x118" in lines
    assert "    core.threads.life__running unknown" in lines and "thread 0:" in lines


def test_all_of_a_scope_or_one_of_a_similar_name(tmp_path):
    (tmp_path / "w.vcd").write_text(changing(TREE))
    lines = list(state(tmp_path / "w.vcd", 6, "core.vector.issue"))
    assert lines[1:] == ["core.vector.issue:", "    core.vector.issue.cause unknown", "    core.vector.issue.matrix__go unknown"]
    with pytest.raises(WavesError, match=r"has no scope 'core\.vektor\.isue': there are core\.vector\.issue"):
        list(state(tmp_path / "w.vcd", 6, "core.vektor.isue"))


@pytest.mark.parametrize("cycle", [3, 7])
def test_a_cycle_outside_is_told(tmp_path, cycle):
    (tmp_path / "w.vcd").write_text(changing(TREE))
    with pytest.raises(WavesError, match=f"holds cycles 4 to 6: {cycle} lies outside"):
        values_at(tmp_path / "w.vcd", cycle)


@pytest.mark.parametrize("text", ["", "no waves", vcd(TREE)[:100]])
def test_a_file_that_is_none_or_cut_off_is_told(tmp_path, text):
    (tmp_path / "w.vcd").write_text(text)
    with pytest.raises(WavesError, match=r"w\.vcd (is no whole file of waves|holds no signal)"):
        signals(tmp_path / "w.vcd")


def test_they_open_at_the_cycle_that_people_look_for(waves):
    opened(waves, focus=5000)
    lines = waves.with_suffix(".gtkw").read_text().splitlines()
    assert "[timestart] 2496000" in lines and [line.split()[1] for line in lines if line.startswith("*")] == ["2500000"]
    assert waves.with_suffix(".sucl").read_text().endswith("\ngoto_time 2500000ps\n")


@pytest.mark.parametrize(("outer", "top"), [("TOP", "TOP.adder"), ("$rootio", "adder")])
def test_what_is_no_node_is_shown_from_the_top(outer, top, tmp_path):
    """As the engine's and cocotb's models have it."""
    (tmp_path / "w.vcd").write_text(vcd({outer: {"clk": 1}, top: {"clk": 1, "a": 8, "b": 8}, f"{top}.carry": {"x": 1}}))
    opened(tmp_path / "w.vcd")
    lines = (tmp_path / "w.gtkw").read_text().splitlines()
    assert f"{top}.clk" in lines and f"{top}.a[7:0]" in lines and f"{top}.carry.x" in lines and f"{outer}.clk" not in lines
