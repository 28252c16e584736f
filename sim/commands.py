"""The commands of ``python -m sim``: arguments, one call into a job, what is printed."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golden.listing import FORMATS, HEX
from sim.files import check_writable, results, whole
from sim.jobs.memory import parse_dump, parse_load
from sim.process import INTERRUPTED

if TYPE_CHECKING:
    from sim.jobs.program import Work


class CommandError(RuntimeError):
    """What a person did or has wrong, in one sentence."""


@dataclass(frozen=True)
class Command:
    summary: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS: dict[str, Command] = {}


def command(name: str, summary: str, *arguments: tuple[tuple[str, ...], dict[str, Any]], more: Callable[[Any], None] | None = None):
    """Decorator: a function of the parsed options becomes a command; arguments are those of ``add_argument``, ``more`` adds others."""

    def enter(function: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
        def add(parser: argparse.ArgumentParser) -> None:
            for flags, settings in arguments:
                parser.add_argument(*flags, **settings)
            if more:
                more(parser)

        COMMANDS[name] = Command(summary, add, function)
        return function

    return enter


def argument(*flags: str, **settings: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return flags, settings


def whole_number(text: str) -> int:
    """Type of an argument: decimal, or as C writes it (0x100)."""
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None


def real_number(text: str) -> float:
    """Type of an argument: a number, not NaN or Inf."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not finite")
    return value


def seed_number(text: str) -> int:
    """Type of an argument: what NumPy takes for a seed."""
    value = whole_number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{value} is negative, a seed is 0 or more")
    return value


def sentence_of(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Type of an argument: what ``parse`` makes of it, whose ValueError says what is wrong."""

    def typed(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return typed


def output_file(text: str) -> Path:
    """Type of an argument: a file that can be written."""
    try:
        check_writable(text)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write {text}: {error.strerror}") from None
    return Path(text)


SEED = argument("--seed", type=seed_number, default=0, help="seed of everything random (default 0)")
CONFIG = argument("--config", default="d1", help="configuration: d1 or tiny (default d1)")
JSON = argument("--json", type=output_file, metavar="FILE", help="also write the figures to FILE")
_WORKLOAD = argument("--workload", default="digits-mlp", help="what to train (default digits-mlp; an unknown name lists all)")
_BATCH = argument("--batch", type=whole_number, help="rows of data per step (default: the workload's)")


@command(
    "train",
    "Train a workload on the RTL, checking every weight against golden (make sim).",
    _WORKLOAD,
    argument("--steps", type=whole_number, help="training steps (default: the workload's)"),
    _BATCH,
    argument("--rate", type=real_number, help="learning rate (default: the workload's)"),
    SEED,
    CONFIG,
    argument("--engine", default="rtl", choices=("rtl", "golden"), help="rtl (default), or golden for NumPy alone"),
    argument("--mesh", default="1x1", help="columns x rows of nodes (this machine has 1x1)"),
    argument("--shards", type=int, default=1, help="shards of the batch (this machine has 1)"),
    argument("--format", default="bf16", help="number format of the matrix products (this machine has bf16)"),
    argument("--resume", action="store_true", help="go on from the checkpoint of an interrupted run"),
)
def _train(options: argparse.Namespace) -> int:
    from sim.jobs import train
    from sim.views.plots import plot_loss
    from sim.views.progress import TrainingProgress
    from sim.views.report import write_json

    for name, only in (("mesh", "1x1"), ("shards", 1), ("format", "bf16")):
        if getattr(options, name) != only:
            raise CommandError(f"--{name} {getattr(options, name)} is not in this machine: only {only}")
    chosen = train.Options(
        workload=options.workload,
        steps=options.steps,
        batch=options.batch,
        rate=options.rate,
        seed=options.seed,
        engine=options.engine,
        config=options.config,
        resume=options.resume,
    )
    what = f"{chosen.workload}, {chosen.steps} steps of batch {chosen.batch}, seed {chosen.seed}"
    print(f"training {what} on {'the RTL (' + chosen.config + ')' if chosen.engine == 'rtl' else 'golden (NumPy)'}", flush=True)
    with results(chosen.latest, f"{chosen.workload}-{chosen.engine}") as run:
        with TrainingProgress(chosen.steps) as progress:
            outcome = train.train(chosen, progress)
        if outcome.interrupted:
            again = f".venv/bin/python -m sim train --resume --steps {chosen.steps} {chosen.flags}"
            print(f"interrupted after step {len(outcome.loss)}; go on with: {again}")
            return INTERRUPTED
        report = train.report(chosen, outcome)
        write_json(run.folder / "report.json", report)
        train.save_weights(run.folder, outcome)
        plot_loss(run.folder / "loss.png", outcome.loss, what)
        before = chosen.latest.resolve().name if chosen.latest.exists() else None
        folder = run.finish()
    if chosen.engine == "rtl":
        print(f"{outcome.compared} values equal to golden in every bit, 0 mismatches")
        per_step = report["cycles"] / len(outcome.cycles)
        print(f"{per_step:.0f} cycles a step, matrix utilisation {100 * report['utilisation']:.1f} %, {report['sim_khz']:.0f} kHz")
    if outcome.accuracy is not None:
        accuracy = f"held-out accuracy {100 * outcome.accuracy:.2f} % of {outcome.held_out}"
        print(f"{accuracy}, final loss {outcome.loss[-1]:.4f}, {outcome.seconds:.0f} s")
    latest = chosen.latest
    print(f"report: {latest / 'report.json'}, weights: {latest / 'weights.npz'}, loss: {latest / 'loss.png'}")
    print(f"{latest} names {folder}" + (f"; the run before it is kept in {folder.with_name(before)}" if before else ""))
    if outcome.diverged:
        print(outcome.diverged, file=sys.stderr)
        return 1
    return 0


def _kernels(parser: argparse.ArgumentParser) -> None:
    """A sub-command for each kernel, its parameters as options."""
    from golden.kernels import KERNELS
    from golden.kernels.kernel import parameters, summary

    types = {int: whole_number, float: real_number, str: str}
    kernels = parser.add_subparsers(dest="kernel", required=True, metavar="KERNEL")
    for name, kernel in sorted(KERNELS.items()):
        sub = kernels.add_parser(name, help=summary(kernel), description=summary(kernel))
        for parameter in parameters(kernel):
            flag = f"--{parameter.name.replace('_', '-')}"
            if parameter.type is bool:
                sub.add_argument(flag, dest=_PARAMETER + parameter.name, action="store_true", help=parameter.what)
                continue
            meaning = f"{parameter.what}: {parameter.range} (default {parameter.default})"
            sub.add_argument(
                flag, dest=_PARAMETER + parameter.name, type=types[parameter.type], default=parameter.default, metavar="VALUE", help=meaning
            )
        sub.add_argument("--threads", type=whole_number, default=1, help="threads that share the work (default 1)")
        for flags, settings in (SEED, CONFIG, JSON):
            sub.add_argument(*flags, **settings)


_PARAMETER = "parameter "  # before the name of what a kernel takes, among the options


@command("run", "Run a kernel on random data on the RTL and check it against golden (run KERNEL --help: its parameters).", more=_kernels)
def _run(options: argparse.Namespace) -> int:
    from sim.jobs.run import run_kernel
    from sim.views.report import write_json

    given = {name.removeprefix(_PARAMETER): value for name, value in vars(options).items() if name.startswith(_PARAMETER)}
    report = run_kernel(options.kernel, options.config, options.seed, options.threads, **given)
    for key, value in report.items():
        print(f"{key:18} {value:.4f}" if isinstance(value, float) else f"{key:18} {value}")
    if options.json:
        write_json(options.json, report)
    return 1 if report["mismatches"] else 0


# --- a person's own program ---------------------------------------------------------------------------------------------------

_FILE = argument("file", metavar="FILE.s", help="assembly text (docs/writing-a-kernel.md)")
_ARGS = argument("--args", type=whole_number, nargs="*", default=[], metavar="N", help="x1, x2, ... of thread 0")
_TRACE = argument(
    "--trace",
    nargs="?",
    const=HEX,
    choices=(HEX, *FORMATS),
    metavar="FORMAT",
    help=f"print every retired instruction, vectors and stored bytes as {', '.join((HEX, *FORMATS))} (default hex)",
)
_LOAD = argument("--load", action="append", type=sentence_of(parse_load), default=[], metavar="ADDR=FILE", help="a file into memory first")
_DUMP = argument(
    "--dump",
    action="append",
    type=sentence_of(parse_dump),
    default=[],
    metavar="ADDR,BYTES[:FORMAT]",
    help="memory at the end, in a format of --trace; ADDR is a number or a label",
)


def _work(options: argparse.Namespace) -> Work:
    """What ``iss`` and ``rtl`` run."""
    from golden.arch.config import get_config
    from sim.jobs.program import Work, read_program

    config = get_config(options.config)
    program = read_program(options.file, config)
    return Work(program, config, tuple(options.args), tuple(options.load), tuple(options.dump), options.trace)


@command(
    "asm",
    "Assemble a program and list it.",
    _FILE,
    CONFIG,
    argument("--output", type=output_file, metavar="FILE", help="also write the words to FILE"),
)
def _asm(options: argparse.Namespace) -> int:
    from golden.arch.config import get_config
    from golden.listing import program_listing
    from sim.jobs.program import read_program

    program = read_program(options.file, get_config(options.config))
    print(program_listing(program))
    if options.output:
        with whole(options.output) as partial:
            partial.write_bytes(program.image)
    return 0


@command(
    "disasm",
    "Disassemble a file of words (as asm --output writes it).",
    argument("file", metavar="FILE", help="little-endian words of 4 bytes"),
    argument("--origin", type=whole_number, default=0x100, help="address of the first word (default 0x100)"),
)
def _disasm(options: argparse.Namespace) -> int:
    from golden.asm import Program
    from golden.listing import program_listing

    image = Path(options.file).read_bytes()
    if options.origin % 4 or options.origin < 0:
        raise CommandError(f"--origin {options.origin:#x} is no address of a word: a multiple of 4, not negative")
    if len(image) % 4 or not image:
        raise CommandError(f"{options.file} has {len(image)} bytes, which are no whole words of 4")
    words = [int.from_bytes(image[i : i + 4], "little") for i in range(0, len(image), 4)]
    print(program_listing(Program(options.origin, words)))
    return 0


@command(
    "iss",
    "Run a program on the instruction-set simulator.",
    _FILE,
    CONFIG,
    _ARGS,
    _LOAD,
    _DUMP,
    _TRACE,
    argument("--step", action="store_true", help="step it: commands on standard input, h lists them"),
)
def _iss(options: argparse.Namespace) -> int:
    from sim.jobs.program import HELP, Debugger, simulate

    work = _work(options)
    if not options.step:
        return 0 if simulate(work, print) else 1
    debugger = Debugger(work, print)
    print(HELP)
    try:
        while debugger.command(input("> ")):
            pass
    except EOFError:
        print()
    return 0


@command(
    "rtl",
    "Run a program on the RTL, every retired instruction compared with the simulator.",
    _FILE,
    CONFIG,
    _ARGS,
    _LOAD,
    _DUMP,
    _TRACE,
    argument("--waves", type=output_file, metavar="FILE", help="write waves to FILE"),
)
def _rtl(options: argparse.Namespace) -> int:
    from sim.jobs.program import run_rtl

    return 0 if run_rtl(_work(options), print, options.waves) else 1


# --- measures -----------------------------------------------------------------------------------------------------------------


@command("bench", "The benchmark table, as JSON and as a page (make bench).", CONFIG, SEED)
def _bench(options: argparse.Namespace) -> int:
    from sim.jobs.bench import NOTES, bench
    from sim.views.report import print_table, write_json, write_page

    rows = bench(options.config, options.seed)
    columns, title = list(rows[0]), f"kernels on {options.config}"
    table = [[row[column] for column in columns] for row in rows]
    print_table(title, columns, table)
    path = write_json("build/bench/report.json", {"config": options.config, "seed": options.seed, "rows": rows})
    print(f"report: {path}, page: {write_page(path.with_suffix('.html'), title, columns, table, NOTES)}")
    return 1 if any(row["mismatches"] for row in rows) else 0


@command("cost", "What each unit of a node costs to simulate.", CONFIG, SEED)
def _cost(options: argparse.Namespace) -> int:
    from sim.jobs.unit_cost import unit_cost
    from sim.views.report import print_table, write_json

    rows = []
    for row in unit_cost(options.config, options.seed):
        print(f"{row['unit']}: {row['rest_us']:.2f} us at rest, {row['busy_us']:.2f} us with random inputs")
        rows.append(row)
    print_table(f"microseconds a cycle, {options.config}", list(rows[0]), [list(row.values()) for row in rows])
    print(f"report: {write_json('build/bench/cost.json', {'config': options.config, 'seed': options.seed, 'rows': rows})}")
    return 0


@command("profile", "Where the matrix unit's cycles go, kernel by kernel (make profile).", _WORKLOAD, _BATCH, SEED, CONFIG)
def _profile(options: argparse.Namespace) -> int:
    from sim.jobs.profile import CAUSES, overlap, profile, total
    from sim.jobs.train import Options
    from sim.views.plots import plot_causes
    from sim.views.report import print_table, write_json

    chosen = Options(options.workload, batch=options.batch, seed=options.seed, config=options.config)
    *rows, step = profile(chosen)
    table = [[row["name"], row["cycles"], *row["causes"].values()] for row in [*rows, total(rows), step]]
    print_table("matrix cycles by cause", ["kernel", "cycles", *CAUSES], table)
    print(overlap(rows, step))
    folder, about = (
        Path("build/profile"),
        {"workload": chosen.workload, "config": chosen.config, "batch": chosen.batch, "seed": chosen.seed},
    )
    path = write_json(folder / "report.json", {**about, "phases": rows, "kernels": [total(rows)], "step": step})
    plot_causes(folder / "causes.png", rows, list(CAUSES), f"{chosen.workload}, batch {chosen.batch}: matrix cycles by cause")
    print(f"report: {path}, plot: {folder / 'causes.png'}")
    return 0


@command(
    "waves",
    "Rerun a workload with waves (make waves).",
    _WORKLOAD,
    argument("--steps", type=whole_number, default=1, help="training steps to record (default 1)"),
    _BATCH,
    SEED,
    CONFIG,
)
def _waves(options: argparse.Namespace) -> int:
    from sim.compile.verilator import wave_format
    from sim.jobs import machine, train

    def tell(step: int, loss: float, _cycles: int) -> None:
        print(f"step {step}: loss {loss:.4f}" if step else "data loaded", flush=True)

    machine.check_tools()  # before the compiler is asked for its headers
    path = Path(f"build/waves/{options.workload}.{wave_format()}")
    chosen = train.Options(options.workload, options.steps, options.batch, seed=options.seed, config=options.config, waves=path)
    try:
        outcome = train.train(chosen, tell)
    except train.Mismatch as mismatch:
        print(mismatch)
        return 1
    finally:
        if path.exists():
            print(f"waves: {path}; open them with: gtkwave {path} (or surfer {path})")
    if outcome.interrupted:
        print(f"interrupted after step {len(outcome.loss)}")
        return INTERRUPTED
    if outcome.diverged:
        print(outcome.diverged, file=sys.stderr)
        return 1
    return 0


@command("verilog", "Plain Verilog of a node for other flows (make verilog).", CONFIG)
def _verilog(options: argparse.Namespace) -> int:
    import shutil

    from sim.jobs.machine import design

    made = design(options.config)
    path = Path(f"build/verilog/node_{options.config}.v")
    with whole(path) as partial:
        shutil.copyfile(made.verilog, partial)
    print(f"Verilog: {path} (top module {made.top})")
    return 0


@command(
    "regress",
    "Every test under several seeds, slow ones too (make regress).",
    argument("--seeds", type=int, default=1, help="how many seeds (default 1)"),
    argument("--seed", type=seed_number, default=0, help="the first seed (default 0)"),
    argument("--select", default="", metavar="PATH", help="only the tests below PATH"),
)
def _regress(options: argparse.Namespace) -> int:
    from sim.suite.regress import regress
    from sim.views.report import write_json

    report = regress(options.seeds, options.seed, lambda text: print(text, flush=True), options.select)
    path = write_json("build/regress/report.json", report)
    failed = [row for row in report["tests"] if not row["passed"]]
    for bucket in report["buckets"]:
        print(f"{bucket['count']} x {bucket['message']}\n    {bucket['rerun']}")
    covered = report["coverage"]
    shares = [f"{kind} {'not counted' if covered[kind] is None else f'{covered[kind]} %'}" for kind in ("functional", "line", "toggle")]
    if covered["functional"] is not None and covered["missing"]:
        print(f"never exercised: {', '.join(covered['missing'])}")
    print(f"{len(report['tests']) - len(failed)} passed, {len(failed)} failed; coverage: {', '.join(shares)}; report: {path}")
    return 1 if failed else 0


@command(
    "timing",
    "Estimate for a 7 nm library, per unit, before layout (make timing).",
    argument("--liberty", metavar="FILE", help="a .lib or .lib.gz file (default: the one beside the checkout)"),
    argument("--units", nargs="*", metavar="UNIT", help="only these units (an unknown name lists them)"),
)
def _timing(options: argparse.Namespace) -> int:
    from sim.suite.timing import PERIOD_PS, run

    report = run(options.liberty, options.units or None)
    slow = [row["unit"] for row in report["units"] if row["worst_ps"] > PERIOD_PS]
    if slow:
        print(f"over {PERIOD_PS} ps: {', '.join(slow)}")
    return 1 if report["not_run"] else 0


@command(
    "formal",
    "Proofs of the network's parts, and planted faults that they catch (make formal).",
    argument("--parts", nargs="*", metavar="PART", help="only these parts (an unknown name lists them)"),
)
def _formal(options: argparse.Namespace) -> int:
    from sim.suite.formal import REPORT, run

    report = run(options.parts or None)
    print(f"report: {REPORT}")
    proved = all(row["passed"] for row in report["properties"])
    return 0 if proved and all(row["caught"] for row in report["planted"]) else 1


@command("docs", "Write the generated pages anew (make docs).", argument("--check", action="store_true", help="only tell which are stale"))
def _docs(options: argparse.Namespace) -> int:
    from sim.jobs.docs import write_docs

    stale = write_docs(check=options.check)
    print("\n".join(str(page) for page in stale or []) or "the generated pages are fresh")
    return 1 if options.check and stale else 0
