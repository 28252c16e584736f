"""What a person is told who gives ``python -m sim`` something wrong: one sentence, before the work, and no file is left."""

import re

import numpy as np
import pytest

from golden.kernels import KERNELS
from sim.commands import COMMANDS
from sim.jobs import train
from sim.jobs.train_options import Options

FILES = {
    "few.s": "nop\n add x1, x2\n",
    "far.s": "nop\naddi x1, x0, 99999\n",
    "unknown.s": "frob x1\n",
    "long.s": "nop\n" * 33_000,
    "empty.s": "; nothing\n",
    "fine.s": "halt\n",
    "undefined.s": "add x1, x9, x9\nhalt\n",
    "bytes.s": b"\xff\xfe\x00\x80",
    "odd.bin": b"abc",
    "empty.bin": b"",
    "words.bin": b"\1\0\0\0",
    "bad.lib.gz": b"no gzip",
    "cut.vcd": "$var wire",
    "cut.events": b"PK\x03\x04 and no more",
    "profile.json": b'{"phases": []}',
}
TOO_LARGE = ("bytes of SRAM are left in tiny", "take a smaller shape")
NO_FIT = ("digits-mlp does not fit tiny", "its SRAM has 131072", "X 147456, dH 131072", "a batch of ")

# A command, then what its sentence must hold: what is wrong, where, and what would be right.
MISTAKES = [
    ("", "COMMAND", "--help"),
    ("trian", "'trian'", "choose from 'train', 'run'"),
    ("train --workload mnist", "no workload 'mnist'", "digits-cnn, digits-linear, digits-mlp"),
    ("train --config huge", "no configuration 'huge'", "d1, tiny"),
    ("train --config huge --engine golden", "no configuration 'huge'", "d1, tiny"),
    ("train --engine fpga", "--engine", "'fpga'", "'rtl', 'iss', 'golden'"),
    ("train --format fp8", "no training in 'fp8'", "bf16, cfloat8"),
    ("train --mesh 2x2 --dead 1,3 --engine golden", "dead node 1,3 is not in a mesh of 2x2"),
    ("train --mesh 3x3 --dead 1,2 2,1 --config tiny", "what is dead cuts the mesh", "1,1 cannot be reached"),
    ("train --mesh 2", "a mesh is written columns x rows, like 8x8, not '2'"),
    ("train --shards 0 --engine golden", "0 shards cut no batch: at least 1"),
    ("train --shards 4 --mesh 3x2 --engine golden", "4 shards leave some of 6 nodes without work: at least 6"),
    ("train --batch 3 --mesh 2x2 --engine golden", "a batch of 3 is smaller than its 4 shards"),
    ("train --steps 0", "0 steps", "at least 1"),
    ("train --steps -1", "-1 steps", "at least 1"),
    ("train --steps many", "--steps", "'many'"),
    ("train --batch 0", "a batch of 0", "1 to 1024"),
    ("train --batch 1438", "a batch of 1438", "1 to 1024"),
    ("train --batch 1024 --config tiny", *NO_FIT),
    ("train --rate 0", "a learning rate of 0.0", "above 0"),
    ("train --rate nan", "--rate", "'nan' is not finite"),
    ("train --rate fast", "--rate", "'fast' is no number"),
    ("train --seed -1", "--seed", "-1 is negative", "0 or more"),
    ("train --seed x", "--seed", "'x' is no whole number"),
    ("train --resume", "no checkpoint build/checkpoints/digits-mlp-32-0.3-0-rtl-d1.npz", "without --resume"),
    ("run", "KERNEL"),
    ("run pool", "invalid choice: 'pool'", ", ".join(map(repr, sorted(KERNELS)))),
    ("run gemm --config huge", "no configuration 'huge'", "d1, tiny"),
    ("rtl fine.s --cycles 0:9", "--cycles is the window of what is kept: give --record FILE or --waves FILE too"),
    ("rtl fine.s --cycles difference", "give --record FILE or --waves FILE too"),
    ("rtl fine.s --pc start", "--pc is the window of what is kept: give --record FILE or --waves FILE too"),
    ("rtl fine.s --scope core", "--scope chooses signals of waves: give --waves FILE too"),
    ("rtl fine.s --record a.events --scope core", "--scope chooses signals of waves: give --waves FILE too"),
    ("rtl fine.s --record a.events --pc start --cycles 0:9", "--cycles and --pc are two windows: leave one of them out"),
    ("rtl fine.s --record a.events --pc start --mesh 2x2", "--pc finds an instruction on a node alone: leave --mesh out"),
    ("rtl fine.s --record a.events --pc strat", "'strat' is neither an address nor a label of the program"),
    ("waves --pc start --cycles difference", "--cycles and --pc are two windows: leave one of them out"),
    ("rtl fine.s --record a.events --cycles 9:9", "'9:9' holds no cycle"),
    ("rtl fine.s --record a.events --cycles 9", "'9' is no window of cycles: A:B"),
    ("rtl fine.s --record a.events --mesh 2x2 --cycles difference", "--cycles difference finds one on a node alone: leave --mesh out"),
    ("run gemm --dead 1,1", "--dead names places of a mesh: give --mesh too"),
    ("train --record a.events --engine iss", "--record keeps what the RTL tells: leave --engine iss out"),
    ("train --cycles 0:9", "--cycles is the window of what is kept: give --record FILE too"),
    ("iss fine.s --record a.events --mesh 2x2", "--record keeps the events of a run on one node of the simulator: leave --mesh out"),
    ("traffic none.events", "none.events: No such file"),
    ("traffic cut.events", "cut.events is no whole file of events: record it again"),
    ("noc --sweep --heat heat.png", "--heat and --latency draw one load: leave --sweep out"),
    ("debug fine.s --gdb 70000", "--gdb 70000 is no port: 0 to 65535"),
    ("debug fine.s --gdb 0 --trace", "--trace prints what a step did, and GDB shows it itself: leave --gdb out"),
    ("pipeline none.events", "none.events: No such file"),
    ("pipeline cut.events", "cut.events is no whole file of events: record it again"),
    ("pipeline fine.s --cycles 5:2", "'5:2' holds no cycle"),
    ("pipeline cut.events --thread 4", "there is no thread 4: 0 to 3"),
    ("timeline cut.events --output t.json", "no whole file of events"),
    ("timeline cut.events", "--output"),
    ("inspect cut.events --at 5", "no whole file of events"),
    ("inspect cut.events", "--at"),
    ("inspect cut.events --at 5 --scope core", "--scope chooses signals of waves"),
    ("inspect none.fst --at 5", "none.fst: No such file"),
    ("inspect cut.vcd --at 5", "cut.vcd is no whole file of waves"),
    ("hotspots odd.bin", "no whole file of events"),
    ("accuracy --seeds x", "--seeds", "'x' is no whole number"),
    ("accuracy --seeds 0", "--seeds 0 gives no deviation: at least 2"),
    ("accuracy --steps 0", "--steps 0 trains nothing: at least 1"),
    ("hotspots none.events", "none.events: No such file"),
    ("compare profile.json profile.json", "profile.json is no report of python -m sim profile"),
    ("compare none.json profile.json", "none.json: No such file"),
    ("run gemm --m 0", "gemm: m is 0", "a whole number from 1 to 8191"),
    ("run gemm --k -3", "gemm: k is -3", "a whole number from 1 to 16383"),
    ("run gemm --m x", "--m", "'x' is no whole number"),
    ("run gemm --m 2.5", "--m", "'2.5' is no whole number"),
    ("run axpy --a x", "--a", "'x' is no number"),
    ("run axpy --a inf", "--a", "'inf' is not finite"),
    ("run sgd --rate -1", "sgd: rate is -1.0", "a number from 0 to 3e+38"),
    ("run gemm --m 300 --n 300 --k 300 --config tiny", "a of gemm needs 182400 bytes", *TOO_LARGE),
    ("run gemm --k 1000000", "gemm: k is 1000000", "from 1 to 16383"),
    ("run gemm --format fp8", "gemm: format is 'fp8'", "it is bf16"),
    ("run gemm --out fp16", "gemm: out is 'fp16'", "BF16 or FP32"),
    ("run gemm --threads 0", "0 threads", "1 to 4"),
    ("run gemm --threads 5", "5 threads", "1 to 4"),
    ("run softmax --m 3", "unrecognized arguments: --m 3"),
    ("run softmax --threads 7", "softmax: 7 threads", "1 to 4"),
    ("train --engine golden --threads 5", "5 threads share no step", "1 to 4"),
    ("profile --threads 0", "0 threads share no step", "1 to 4"),
    ("run softmax --n 0", "softmax: n is 0", "from 1 to 16383"),
    ("run sgd --m 2000 --config tiny", "w of sgd needs 256000 bytes", *TOO_LARGE),
    ("run relu-backward --n 1000000", "relu-backward: n is 1000000", "16383"),
    ("run gemm --json folder", "--json", "cannot write folder", "Is a directory"),
    ("run gemm --json fine.s/x.json", "--json", "cannot write fine.s/x.json", "Not a directory"),
    ("run gemm --json /proc/x.json", "--json", "cannot write /proc/x.json"),
    ("run gemm --json /dev/null", "--json", "cannot write /dev/null", "Not a regular file"),
    ("asm few.s", "few.s:2:12: add needs a scalar register x0 to x31 as rb", "\n     add x1, x2\n               ^\n"),
    ("asm far.s", "far.s:2:14: imm = 99999 does not fit: -512 to 511", "\n    addi x1, x0, 99999\n                 ^\n"),
    ("asm unknown.s", "unknown.s:1:1: no instruction frob", "\n    frob x1\n    ^\n"),
    ("asm long.s --config tiny", "long.s ends at 0x204a0", "past the 131072 bytes of SRAM of tiny"),
    ("asm empty.s", "empty.s holds no instruction"),
    ("asm missing.s", "missing.s: No such file or directory"),
    ("asm folder", "folder: Is a directory"),
    ("asm /dev/zero", "/dev/zero holds more than 67108864 bytes"),
    ("asm circle.s", "circle.s: Too many levels of symbolic links"),
    ("asm bytes.s", "bytes.s is no text in UTF-8"),
    ("asm fine.s --config huge", "no configuration 'huge'", "d1, tiny"),
    ("asm fine.s --output folder", "--output", "cannot write folder", "Is a directory"),
    ("asm fine.s --output fine.s/out", "--output", "cannot write fine.s/out", "Not a directory"),
    ("disasm missing.bin", "missing.bin: No such file or directory"),
    ("disasm folder", "folder: Is a directory"),
    ("disasm /dev/zero", "/dev/zero holds more than 67108864 bytes"),
    ("disasm odd.bin", "odd.bin has 3 bytes", "words of 4"),
    ("disasm empty.bin", "empty.bin has 0 bytes", "words of 4"),
    ("disasm words.bin --origin here", "--origin", "'here' is no whole number"),
    ("disasm words.bin --origin 2", "--origin 0x2", "a multiple of 4"),
    ("disasm words.bin --origin -8", "--origin -0x8", "not negative"),
    ("iss missing.s", "missing.s: No such file or directory"),
    ("iss few.s", "few.s:2:12", "add needs a scalar register"),
    ("iss long.s --config tiny", "past the 131072 bytes of SRAM of tiny"),
    ("iss undefined.s", "thread 0 at 0x100", "add x1, x9, x9 reads x9, which nobody wrote"),
    ("iss fine.s --mesh 0x2", "a mesh of 0x2: columns must be 1 to 30"),
    ("iss fine.s --mesh two", "a mesh is written columns x rows, like 8x8, not 'two'"),
    ("iss fine.s --mesh 2x2 --dead 3,3", "dead node 3,3 is not in a mesh of 2x2"),
    ("iss fine.s --mesh 3x1 --dead 2,1", "what is dead cuts the mesh: 3,1 cannot be reached from 1,1"),
    ("iss fine.s --races --mesh 2x2", "--races watches the threads of one node as they run: leave --mesh out"),
    ("iss fine.s --dead 1,1", "--dead names places of a mesh: give --mesh too"),
    ("rtl fine.s --nodes 1,1", "--nodes names places of a mesh: give --mesh too"),
    ("rtl fine.s --dram-pace 64 200", "--dram-pace is the pace of memory at edge ports: give --mesh and --dram too"),
    ("rtl fine.s --mesh 2x2 --dram-pace 64 200", "give --mesh and --dram too"),
    ("rtl fine.s --flip 1,1-2,1:3:100", "--flip names places of a mesh: give --mesh too"),
    ("rtl fine.s --mesh 2x2 --flip 1,1-2,1:0:1", "a wrong bit is written from-to:packet:bit, like 1,1-2,1:3:100", "'1,1-2,1:0:1'"),
    ("iss fine.s --dram 0,1", "--dram names places of a mesh: give --mesh too"),
    ("iss fine.s --mesh 2x2 --dram 1,1", "--dram 1,1 is no edge port of a mesh of 2x2, like 0,1"),
    ("rtl fine.s --mesh 2x2 --dram 0,1 --dram-pace 0 1", "a memory of 0 bytes a cycle and 1 cycles", "at least 1 byte"),
    ("iss fine.s --args one", "--args", "'one' is no whole number"),
    ("iss fine.s --args 1 2 3 4 5 6 7 8 9", "9 arguments", "x1 to x8"),
    ("iss fine.s --args 0x10000000000000000", "the argument 18446744073709551616", "64 bits"),
    ("iss fine.s --load 0x200", "'0x200' is no ADDR=FILE"),
    ("iss fine.s --load here=words.bin", "'here' is neither an address nor a label of the program"),
    ("iss fine.s --load 0x100=words.bin", "words.bin at 0x100 to 0x104 lies on the program at 0x100"),
    ("iss fine.s --load 0x200=words.bin --load 0x203=odd.bin", "odd.bin at 0x203 to 0x206 lies on words.bin"),
    ("iss fine.s --load 0x1ffff=words.bin --config tiny", "words.bin, 4 bytes at 0x1ffff, leaves the 131072 bytes of SRAM of tiny"),
    ("iss fine.s --load 0x200=missing.bin", "missing.bin: No such file or directory"),
    ("iss fine.s --load 0x200=/dev/zero", "/dev/zero holds more than 67108864 bytes"),
    ("iss fine.s --dump 0x200", "'0x200' is no ADDR,BYTES[:FORMAT]"),
    ("iss fine.s --dump 0x200,0", "with at least one byte"),
    ("iss fine.s --dump 0x200,8:float", "no format 'float'", "fp32, bf16"),
    ("iss fine.s --dump=-8,8", "8 bytes at -0x8 leave"),
    ("iss fine.s --trace float", "--trace", "'float'", "'fp32'"),
    ("rtl fine.s --load 0x200=missing.bin", "missing.bin: No such file or directory"),
    ("rtl fine.s --dump 0x1ffff,2 --config tiny", "2 bytes at 0x1ffff leave the 131072 bytes of SRAM of tiny"),
    ("rtl missing.s", "missing.s: No such file or directory"),
    ("rtl far.s", "far.s:2:14", "-512 to 511"),
    ("rtl fine.s --config huge", "no configuration 'huge'", "d1, tiny"),
    ("rtl fine.s --args 1 2 3 4 5 6 7 8 9", "9 arguments", "x1 to x8"),
    ("rtl fine.s --waves folder", "--waves", "cannot write folder", "Is a directory"),
    ("bench --config huge", "no configuration 'huge'", "d1, tiny"),
    ("bench --seed 1.5", "--seed", "'1.5' is no whole number"),
    ("cost --config huge", "no configuration 'huge'", "d1, tiny"),
    ("cost --seed -1", "--seed", "-1 is negative"),
    ("profile --workload mnist", "no workload 'mnist'", "digits-mlp"),
    ("profile --batch 0", "a batch of 0", "1 to 1024"),
    ("profile --batch 1024 --config tiny", *NO_FIT),
    ("waves --steps 0", "0 steps", "at least 1"),
    ("waves --config huge", "no configuration 'huge'", "d1, tiny"),
    ("verilog --config huge", "no configuration 'huge'", "d1, tiny"),
    ("verilog node.v", "unrecognized arguments: node.v"),
    ("regress --seeds 0", "0 seeds", "at least 1"),
    ("regress --tests tests/sim/test_bed_input.py", "no test is called tests/sim/test_bed_input.py", "tests/sim/test_bad_input.py"),
    ("regress --tags quick", "'quick' is no expression of tags", "fast, rtl"),
    ("regress --budget 0", "a budget of 0 minutes"),
    ("regress --jobs 0", "0 jobs"),
    ("regress --scheduler nonsense://host", "no scheduler answers at 'nonsense://host'", "dask scheduler"),
    ("regress --resume", "no run to go on with", "leave out --resume"),
    ("regress --text", "build/regress/report.json is not there", "make regress"),
    ("regress --seeds x", "--seeds", "'x'"),
    ("mutate strem", "no unit 'strem'", "did you mean stream?"),
    ("mutate toaster", "no unit 'toaster'", "router"),
    ("mutate stream -n 0", "0 faults cannot be planted"),
    ("shrink --length 0", "a length of 0 instructions", "1 to 3000"),
    ("shrink --config huge", "no configuration 'huge'", "d1, tiny"),
    ("shrink --fault NETWORK", "no fault 'NETWORK'", "random, ILLEGAL"),
    ("shrink --threads 5", "5 threads, a node has 1 to 4"),
    ("litmus bite", "no litmus program 'bite'", "store, then load"),
    ("litmus --runs 0", "0 runs show nothing", "at least 1"),
    ("random --programs 0 --meshes 0", "0 programs and 0 meshes run nothing", "at least 1"),
    ("random --length 0", "a length of 0 instructions", "1 to 3000"),
    ("random --config huge", "no configuration 'huge'", "d1, tiny"),
    ("random --seed x", "--seed", "'x' is no whole number"),
    ("timing --liberty missing.lib", "missing.lib is no file", ".lib or .lib.gz"),
    ("timing --liberty folder", "folder is no file", ".lib or .lib.gz"),
    ("timing --liberty bad.lib.gz", "bad.lib.gz is no gzip file", ".lib or .lib.gz"),
    ("formal --parts adder", "'adder'", "arbiter"),
    ("formal adder", "unrecognized arguments: adder"),
    ("times --all", "unrecognized arguments: --all"),
    ("times node", "unrecognized arguments: node"),
    ("routes --mesh 8", "a mesh is written columns x rows, like 8x8, not '8'"),
    ("routes --mesh 0x4", "a mesh of 0x4", "columns must be 1 to 30"),
    ("routes --mesh 4x4 --dead 5,1", "dead node 5,1 is not in a mesh of 4x4"),
    ("routes --mesh 4x4 --dead x", "--dead", "a place is written x,y, like 3,4, not 'x'"),
    ("routes --mesh 4x4 --dead-links 1,1", "--dead-links", "a link is written x,y-x,y, like 3,4-4,4, not '1,1'"),
    ("routes --mesh 4x4 --dead-links 1,1-3,1", "dead link 1,1 and 3,1 does not join two neighbours of a mesh of 4x4"),
    ("routes --mesh 4x3 --dead 1,2 2,1", "what is dead cuts the mesh: 1,1 cannot be reached from 3,1"),
    ("routes --mesh 4x4 --show 1,1", "--show", "expected 2 arguments"),
    ("routes --mesh 4x4 --dead 2,2 --show 2,2 3,3", "the node 2,2 is dead"),
    ("routes --mesh 4x4 --show 1,1 7,7", "7,7 is not in a mesh of 4x4"),
    ("routes --mesh 4x4 --show 0,1 2,2", "0,1 is an edge port", "from a node"),
    ("routes --mesh 4x4 --show 1,1 1,1", "from 1,1 to itself has no link"),
    ("routes --give-up -1", "--give-up -1", "at least 0"),
    ("routes --svg folder", "--svg", "cannot write folder", "Is a directory"),
    ("routes --random 6 --dead 1,1", "--random draws its own dead nodes"),
    ("routes --mesh 4x4 --random 8", "8 dead of 16 nodes", "less than half"),
    ("routes --random 1 --sets 0", "0 random sets", "at least 1"),
    ("noc --pattern rain", "no pattern 'rain': there are uniform, transpose"),
    ("noc --mesh 4x2 --pattern transpose", "transpose needs a square mesh, not 4x2"),
    ("noc --mesh 1x1", "nobody has anything to send"),
    ("noc --mesh 4x4 --dead 9,9", "dead node 9,9 is not in a mesh of 4x4"),
    ("noc --rate 0", "a rate of 0.0 packets a cycle", "more than 0 and at most 1"),
    ("noc --rate 1.5", "a rate of 1.5 packets a cycle", "at most 1"),
    ("noc --rate much", "--rate", "'much' is no number"),
    ("noc --classes 3", "3 classes", "1 class or on 2"),
    ("noc --cycles 0", "10000 + 0 cycles", "at least 0 before the measurement and 1 in it"),
    ("noc --threads 0", "--threads 0", "at least 1"),
    ("noc --sweep --points -1", "--points -1", "at least 0"),
    ("noc --json folder", "--json", "cannot write folder", "Is a directory"),
    ("docs --chekc", "unrecognized arguments: --chekc"),
    ("docs isa.md", "unrecognized arguments: isa.md"),
]


@pytest.fixture
def folder(tmp_path):
    """FILES, an empty folder and a link that leads nowhere; what lies there."""
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "folder").mkdir()
    (tmp_path / "circle.s").symlink_to("circle.s")
    return tmp_path


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def check(said, line, words):
    """One sentence: of one line, but for the line of a program with its caret."""
    assert said.status == 2
    command = line.split(" ")[0]
    assert re.match(rf"python -m sim {command}( [a-z-]+)?: " if command in COMMANDS else "python -m sim: ", said.err)
    missing = [word for word in words if word not in said.err]
    assert not missing, f"{missing} not in {said.err!r}"
    assert said.err.count("\n") == (3 if "^" in said.err else 1) and said.err.endswith("\n")
    assert "Traceback" not in said.err + said.out and "Error" not in said.err


@pytest.mark.parametrize(("line", "words"), [(line, words) for line, *words in MISTAKES], ids=[line for line, *_ in MISTAKES])
def test_is_told_in_one_sentence(line, words, say, folder, no_build):
    before = listing(folder)
    check(say(line), line, words)
    assert listing(folder) == before


def test_every_command_has_two_mistakes():
    commands = [line.split()[0] for line, *_ in MISTAKES if line]
    assert not [name for name in COMMANDS if commands.count(name) < 2]


# --- what lies in build/ -------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkpoint(folder, monkeypatch):
    """The checkpoint of a golden run that was interrupted after three of six steps."""
    monkeypatch.chdir(folder)

    def stop(step, loss, cycles):
        if step == 3:
            raise KeyboardInterrupt

    options = Options(steps=6, batch=16, engine="golden")
    assert train.train(options, stop).interrupted
    return train.checkpoint_file(options)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--batch 16 --seed 1 --engine golden", ["digits-mlp-16-0.3-1-golden-d1.npz", "others: digits-mlp-16-0.3-0-golden-d1", "--resume"]),
        ("--batch 16 --engine golden --rate 0.1", ["digits-mlp-16-0.1-0-golden-d1.npz", "others: digits-mlp-16-0.3-0-golden-d1"]),
        ("--batch 16", ["digits-mlp-16-0.3-0-rtl-d1.npz", "others: digits-mlp-16-0.3-0-golden-d1", "without --resume"]),
        ("--batch 16 --engine golden --steps 2", ["past step 2", "--steps 3 or more"]),
    ],
)
def test_a_checkpoint_of_another_run(flags, words, say, checkpoint, no_build):
    before = checkpoint.read_bytes()
    check(say(f"train --resume {flags}"), "train", ["build/checkpoints/", *words])
    assert checkpoint.read_bytes() == before


def cut(path):
    path.write_bytes(path.read_bytes()[:300])


def other_arrays(path):
    with path.open("wb") as file:
        np.savez(file, W1=np.zeros(3))


def other_shapes(path):
    """What this program wrote, but a tensor is another one's."""
    with np.load(path) as saved:
        arrays = dict(saved)
    with path.open("wb") as file:
        np.savez(file, **arrays | {"state.W2": arrays["state.W1"]})


def no_archive(path):
    path.write_text("text")


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut, other_arrays, other_shapes, no_archive, empty])
def test_a_checkpoint_that_is_none(damage, say, checkpoint, no_build):
    damage(checkpoint)
    words = ["digits-mlp-16-0.3-0-golden-d1.npz is no checkpoint", "without --resume"]
    check(say("train --resume --batch 16 --engine golden"), "train", words)
