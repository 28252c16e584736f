"""What GTKWave itself says of the files that are made for it: every signal is there, values are translated; and how it looks is kept."""

from golden.arch.packet import Kind
from golden.asm import assemble
from sim.views.waves import chosen, opened, signals
from tests.sim.views import gtkwave
from tests.sim.views.test_waves import TREE, changing

NODE = {"rx__body__header__kind": 5}
TREE = {
    **TREE,
    "TOP.node": {**TREE["TOP.node"], **NODE},
    "TOP.node.core.matrix": {"operations__step_a": 64, "operations__step_b": 64},
}


def made(folder):
    """Waves in which something stands in the words that are translated."""
    text = changing(TREE)
    number = {line.split()[4]: line.split()[3] for line in text.splitlines() if line.startswith("$var")}
    first = {"operations__step_a": 0x3F80_4000_C0A0_0000, "rx__body__header__kind": Kind.READ, "cause": 1, "stage__state": 1}
    begin = "#2000\n"
    assert begin in text
    told = "".join(f"b{int(value):b} {number[name]}\n" for name, value in first.items())
    (folder / "w.vcd").write_text(text.replace(begin, begin + told))
    return folder / "w.vcd"


def test_it_shows_every_signal_and_what_values_mean(tmp_path, artifacts):
    waves = made(tmp_path)
    opened(waves, assemble("start: " + "nop\n" * 20), focus=5)
    if not gtkwave.THERE:
        return
    values = gtkwave.shown(waves, 2600, artifacts / "gtkwave.png")
    scope, widths = signals(waves)
    names = [name for _, group in chosen(scope, widths) for name in group]
    listed = {name.rpartition(".")[2] + (f"[{widths[name] - 1}:0]" if widths[name] > 1 else "") for name in names}
    assert listed <= set(values), values
    assert values["pc[18:0]"] == ["0x114 nop"]
    assert values["operations__step_a[63:0]"][0] == "0 -5 2 1" and values["rx__body__header__kind[4:0]"] == ["READ"]
    assert values["cause[5:0]"] == ["MATRIX_WAIT_LOAD"] and values["stage__state[2:0]"] == ["RUNNING"]
