"""Several nodes in one engine: each does what it does alone. All are ``tiny`` with its trace."""

import pytest

from golden.arch.config import get_config
from golden.arch.memmap import Counter
from golden.kernels.job import random_job
from golden.retire import Collector
from sim.engine.binding import Ended, Engine, EngineError
from sim.engine.topology import apart
from sim.jobs import machine
from sim.jobs.host import Host
from sim.jobs.lockstep import decode_trace

CONFIG = get_config("tiny")
pytestmark = pytest.mark.rtl


@pytest.fixture(scope="module")
def design():
    return machine.design("tiny", trace=True)


@pytest.fixture
def jobs(rng):
    """Two that have nothing in common."""
    return [
        random_job(CONFIG, "gemm", rng, 2, m=16, n=16, k=32),
        random_job(CONFIG, "relu-backward", rng, 1, m=32, n=32),
    ]


def records(engine, node):
    collector = Collector(CONFIG.features)
    for name, fields in decode_trace(engine.design, engine.take_trace(node)):
        collector.feed(name, fields)
    collector.finish()
    return collector.complete()


def results(engine, node, host):
    """All that a node's run leaves: instructions with their effects, memory, cycles."""
    counters = host.counters()
    cycles = max(counters[Counter.LAST_STORE], counters[Counter.LAST_STEP]) - counters[Counter.START_CYCLE]
    return records(engine, node), host.read(0, CONFIG.sram_bytes), cycles


def run(design, jobs, threads=1):
    """Each job on a node of its own."""
    with Engine(design, apart(len(jobs)), threads=threads) as engine:
        hosts = [Host(engine, edge) for edge in range(len(jobs))]
        for host, job in zip(hosts, jobs, strict=True):
            host.write([(0, bytes(CONFIG.sram_bytes))])
            host.load(job)
        engine.options(tracing=True)
        for host, job in zip(hosts, jobs, strict=True):
            host.start(job.launches)
        for host, job in zip(hosts, jobs, strict=True):
            host.wait(len(job.launches))
        return [results(engine, node, host) for node, host in enumerate(hosts)]


@pytest.mark.parametrize("threads", [1, 2])
def test_two_nodes_with_different_programs_do_what_each_does_alone(design, jobs, threads):
    together = run(design, jobs, threads)
    [first], [second] = (run(design, [job]) for job in jobs)
    assert together == [first, second]
    assert first[0] != second[0] and sum(map(len, first[0].values())) > 50


def test_a_checkpoint_of_two_nodes_goes_on_with_the_same_bits(design, jobs, tmp_path):
    def rest(engine, hosts):
        for host, job in zip(hosts, jobs, strict=True):
            host.wait(len(job.launches))
        return engine.cycle, [results(engine, node, host)[1:] for node, host in enumerate(hosts)]

    with Engine(design, apart(2)) as engine:
        hosts = [Host(engine, edge) for edge in range(2)]
        for host, job in zip(hosts, jobs, strict=True):
            host.write([(0, bytes(CONFIG.sram_bytes))])
            host.load(job)
            host.start(job.launches)
        engine.run(100)
        engine.save(tmp_path / "state")
        expected = rest(engine, hosts)
        sessions = [host.session for host in hosts]
    with Engine(design, apart(2)) as engine:
        engine.restore(tmp_path / "state")
        hosts = [Host(engine, edge, session=session) for edge, session in enumerate(sessions)]
        ended = [engine.run(20_000, packets=len(job.launches), edge=edge) for edge, job in enumerate(jobs)]
        assert ended == [Ended.PACKETS] * 2
        assert [len(engine.take(edge)) for edge in range(2)] == [len(job.launches) for job in jobs]
        for node, host in enumerate(hosts):
            assert results(engine, node, host)[1:] == expected[1][node]
    with Engine(design, apart(1)) as engine, pytest.raises(EngineError, match="is not one of this machine"):
        engine.restore(tmp_path / "state")


def test_an_engine_is_quiet_when_all_of_its_nodes_are(design, jobs):
    with Engine(design, apart(2)) as engine:
        assert engine.run(1_000, quiet=50) is Ended.QUIET and engine.cycle <= 100
        host = Host(engine, 1)
        host.load(jobs[0])
        host.start(jobs[0].launches)
        # The first node rests all the while.
        before = engine.cycle
        assert engine.run(100_000, quiet=200) is Ended.QUIET
        assert engine.cycle - before > 250 and engine.received(1) == len(jobs[0].launches) and engine.received(0) == 0


def test_packets_go_to_the_edge_that_sent_the_question(design):
    with Engine(design, apart(3)) as engine:
        hosts = [Host(engine, edge) for edge in range(3)]
        images = [bytes([17 * edge + 1]) * 64 for edge in range(3)]
        for host, image in zip(hosts, images, strict=True):
            host.write([(0x100, image)])
        assert [host.read(0x100, 64) for host in hosts] == images
