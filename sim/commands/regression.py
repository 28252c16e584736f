"""Commands of verification: the regression, planted faults, small programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from sim.commands.command import CommandError, argument, command, output_file, real_number, seed_number, whole_number
from sim.files import results

LATEST = Path("build/regress")
_TINY = argument("--config", default="tiny", help="configuration: d1 or tiny (default tiny)")


def _numbers(text: str) -> tuple[int, ...]:
    """Type of an argument: whole numbers with commas between them."""
    return tuple(map(whole_number, text.split(",")))


def _patterns(options: argparse.Namespace) -> tuple[str, ...]:
    return tuple(pattern for given in options.tests for pattern in given.split())


@command(
    "regress",
    "The verification suite: every test under many seeds (make regress).",
    argument("--tests", nargs="*", default=[], metavar="GLOB", help="only tests, files or folders that it means, * for anything"),
    argument("--tags", default="", metavar="EXPR", help='only tests with these tags, like "rtl and not slow" (an unknown tag lists them)'),
    argument("--seeds", type=whole_number, help="how many seeds (default 1; with a budget as many as it has time for)"),
    argument("--seed", type=seed_number, default=0, help="the first seed (default 0)"),
    argument("--jobs", type=whole_number, default=2, help="tests at once, without a scheduler (default 2)"),
    argument("--scheduler", default="", metavar="ADDRESS", help="let the workers of this Dask scheduler run the tests, like tcp://host:8786"),
    argument("--budget", type=real_number, metavar="MINUTES", help="start nothing that would end later"),
    argument("--resume", action="store_true", help="go on with the run that was interrupted or killed"),
    argument("--coverage", choices=("yes", "no"), default="yes", help="count what is exercised; models are compiled for it (default yes)"),
    argument("--state", choices=("reset", "random"), default="reset", help="how registers and memories of units begin (default reset)"),
    argument("--list", action="store_true", help="only tell what would run, with tags and seconds"),
    argument("--text", action="store_true", help="only tell what came of the newest run"),
)
def _regress(options: argparse.Namespace) -> int:
    from sim.suite import regress
    from sim.suite.wish import Wish
    from sim.views.progress import RegressProgress
    from sim.views.regression import failed, text, write_junit
    from sim.views.regression_page import write_page
    from sim.views.report import write_json

    if options.text:
        return _told_again()
    wish = Wish(
        _patterns(options),
        options.tags,
        options.seed,
        options.seeds,
        None if options.budget is None else 60 * options.budget,
        options.jobs,
        options.resume,
        options.coverage == "yes",
        options.scheduler,
        options.state == "random",
    )
    if options.list:
        return _list(wish)
    with results(LATEST, "regress") as run:
        with RegressProgress() as progress:
            report = regress.regress(run.folder, LATEST.with_suffix(".open"), wish, progress)
        write_json(run.folder / "report.json", report)
        write_junit(run.folder / "junit.xml", report)
        write_page(run.folder / "report.html", report)
        run.finish()
    print("\n".join(text(report)))
    print(f"report: {LATEST / 'report.json'}, report.html, junit.xml")
    print(run.told)
    if report["interrupted"]:
        raise KeyboardInterrupt(f"after {len(report['tests'])} tests; go on with --resume (make regress RESUME=1)")
    return 1 if failed(report) else 0


def _told_again() -> int:
    import json

    from sim.views.regression import failed, slow_text, text

    path = LATEST / "report.json"
    if not path.exists():
        raise CommandError(f"{path} is not there: run make regress")
    report = json.loads(path.read_text())
    print("\n".join([*slow_text(report), *text(report)]))
    return 1 if failed(report) else 0


def _list(wish) -> int:
    from sim.suite.known import Known
    from sim.suite.orders import estimate
    from sim.suite.regress import tests_of
    from sim.views.report import print_table

    times = Known().times
    rows = [[test.name, " ".join(sorted(test.tags)), round(estimate(test, times), 1)] for test in tests_of(wish)]
    print_table(f"{len(rows)} tests", ("test", "tags", "seconds"), rows)
    return 0


@command(
    "mutate",
    "Faults planted in a unit's netlist or a package of golden, and how many of them its tests see.",
    argument("unit", metavar="UNIT", help="a unit with a cocotb bench, or golden.<package> (an unknown name lists them)"),
    argument("-n", dest="count", type=whole_number, default=100, metavar="N", help="faults in each of its designs (default 100)"),
    argument("--seed", type=seed_number, default=0, help="which faults, and what the tests draw (default 0)"),
    argument("--only", type=_numbers, default=(), metavar="N,N", help="of a unit's faults those with these numbers (as in the report)"),
)
def _mutate(options: argparse.Namespace) -> int:
    from sim.suite import mutate
    from sim.views.progress import CountProgress
    from sim.views.report import print_table, write_json

    latest = Path("build/mutate")
    with results(latest, "mutate") as run:
        with CountProgress(f"faults in {options.unit}", "tried") as tell:
            report = mutate.mutate(run.folder, options.unit, options.count, options.seed, tell, options.only)
        write_json(run.folder / "report.json", report)
        run.finish()
    alive = [[row["source"], row["mode"], row["place"]] for row in report["faults"] if not row["killed_by"]]
    if alive:
        print_table("Faults that no test saw", ("source", "fault", "place"), alive)
    print(f"{report['unit']}: {report['killed']} of {report['planted']} planted faults seen, {report['rate']} %")
    print(f"report: {latest / 'report.json'}")
    print(run.told)
    if report["interrupted"]:
        raise KeyboardInterrupt(f"after {report['planted']} faults")
    return 0


@command(
    "shrink",
    "A random program on which RTL and simulator differ, cut down to a few instructions.",
    argument("--seed", type=seed_number, default=0, help="which program (default 0)"),
    argument("--length", type=whole_number, default=150, help="instructions of each thread, about (default 150)"),
    _TINY,
    argument("--threads", type=whole_number, metavar="N", help="how many threads run (default: the seed decides)"),
    argument("--fault", metavar="CAUSE", help="a thread ends in it (an unknown cause lists them)"),
    argument("--wanted", type=_numbers, default=(), metavar="N,N", help="points of coverage that it was steered to (as a campaign tells)"),
    argument("--output", type=output_file, metavar="FILE", help="write the small program there"),
)
def _shrink(options: argparse.Namespace) -> int:
    from golden.arch.config import get_config
    from golden.rig import Rig
    from sim.files import whole
    from sim.jobs import machine
    from sim.jobs.random_program import Reduced, check

    rig = Rig(options.seed, get_config(options.config), options.length, options.threads, options.fault, wanted=options.wanted)
    rig.job()  # what cannot be made is told before the build
    try:
        with machine.engine(rig.config.name, trace=True) as engine:
            result = check(rig, engine)
    except Reduced as found:
        print(found)
        if options.output:
            with whole(options.output) as partial:
                partial.write_text(found.job.text)
            print(f"program: {options.output}")
        return 1
    print(f"RTL and simulator agree on the random program of seed {options.seed}: {result.retired} instructions")
    return 0


@command(
    "random",
    "Random programs over the whole instruction set on RTL and simulator, and what of the machine they exercised.",
    argument("--programs", type=whole_number, default=1000, help="of four threads each, 0 for none (default 1000)"),
    argument("--meshes", type=whole_number, default=20, help="pairs of nodes that send to each other, 0 for none (default 20)"),
    argument("--seed", type=seed_number, default=0, help="of the first one; the next ones follow (default 0)"),
    argument("--length", type=whole_number, default=120, help="instructions of each thread, about (default 120)"),
    argument("--steer", choices=("yes", "no"), default="yes", help="each program towards what those before did not exercise (default yes)"),
    _TINY,
)
def _random(options: argparse.Namespace) -> int:
    from sim.jobs import random_campaign
    from sim.views.progress import CountProgress
    from sim.views.report import write_json

    steer = options.steer == "yes"
    wish = random_campaign.Wish(options.programs, options.meshes, options.seed, options.length, options.config, steer)
    latest = Path("build/random")
    with results(latest, "random") as run:
        with CountProgress("random programs", "done") as progress:
            made = random_campaign.campaign(wish, progress, progress.note)
        lines = random_campaign.told(made)
        write_json(run.folder / "report.json", random_campaign.report(made))
        run.finish()
    print("\n".join(lines))
    print(f"report: {latest / 'report.json'}")
    print(run.told)
    return 0 if made.passed else 1


@command(
    "litmus",
    "Litmus programs of the rules of memory order on RTL and simulator: every outcome that was seen.",
    argument("names", nargs="*", metavar="NAME", help="only programs with one of these texts in their names (an unknown one lists them)"),
    argument("--runs", type=whole_number, default=50, help="of each program, each disturbed in another way (default 50)"),
    argument("--seed", type=seed_number, default=0, help="of the disturbances (default 0)"),
    _TINY,
)
def _litmus(options: argparse.Namespace) -> int:
    from sim.jobs import litmus
    from sim.views.progress import CountProgress
    from sim.views.report import print_table

    programs, done = litmus.chosen(options.names), []
    with CountProgress("litmus programs", "done") as progress:

        def say(seen: litmus.Seen) -> None:
            done.append(seen)
            progress(len(done), len(programs))

        found = litmus.run_all(programs, options.runs, options.seed, options.config, say)
    print_table(f"{len(found)} programs, {options.runs} runs each: outcomes by count", litmus.COLUMNS, litmus.table(found))
    wrong = [seen for seen in found if seen.wrong]
    for seen in wrong:
        print(litmus.told(seen, options.seed, options.runs, options.config))
    print(f"{len(wrong) or 'no'} program{'s' if len(wrong) != 1 else ''} with an outcome that is forbidden")
    return 1 if wrong else 0
