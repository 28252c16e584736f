"""A host that waits: scripts of golden.host driven over whatever moves packets, the engine's RTL or the instruction-set simulator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from numpy.typing import NDArray

from golden.arch.memmap import Counter, Status, ThreadState
from golden.arch.packet import Kind, Packet
from golden.asm import disassemble
from golden.host import HostError, Request, Script, Session, T
from golden.kernels.job import Job, Launch
from golden.kernels.placement import Matrix


class BlockingHost(ABC):
    """Everything that a host does, one thing after another.

    Who derives from it moves packets (``_send``, ``_receive``), says in ``silence`` why nothing came, and in ``moment`` what time it is.
    """

    def __init__(self, session: Session | None = None) -> None:
        self.session = session or Session()
        self.silence = "nothing moves any more:"
        self._ended: list[Request] = []

    @property
    def moment(self) -> str:
        """When it is, behind the word "interrupted"."""
        return "while the host waits"

    @abstractmethod
    def _send(self, packets: Sequence[Packet]) -> None:
        """Packets on their way to nodes, in order."""

    @abstractmethod
    def _receive(self, count: int) -> Sequence[Packet]:
        """Packets that have come; waits for ``count`` unless that is never. None at all when none can come any more."""

    # --- scripts -------------------------------------------------------------------------------------------------------------

    def do(self, script: Script[T]) -> T:
        """Drive a script to its end; what it returns.

        Raises
        ------
        HostError
            When a request is refused, or nothing moves any more: what every thread waits for.
        """
        return self._drive(script, self._explain)

    def _drive(self, script: Script[T], silent) -> T:
        try:
            requests = next(script)
            while True:
                self._send([request.packet for request in requests])
                requests = script.send(self._finish(requests, silent))
        except StopIteration as end:
            return end.value

    def _finish(self, requests: Sequence[Request], silent) -> list[Packet]:
        """Those of requests that have been sent, when all of them have come."""
        while left := sum(not request.done for request in requests):
            self._listen(left, silent)
        return [request.result() for request in requests]

    def _listen(self, count: int, silent) -> None:
        packets = self._receive(count)
        if not packets:
            silent()
        for packet in packets:
            request = self.session.receive(packet)
            if request.expects is Kind.HALTED:
                self._ended.append(request)

    def _explain(self) -> None:
        """Raise with what every thread waits for."""
        what = self.silence
        raise HostError("\n".join([what, *self._threads()]))

    def _threads(self) -> list[str]:
        """How every thread stands."""
        what = self.silence

        def mute() -> None:
            raise HostError(f"{what} and the node does not say how its threads stand")

        return [f"  thread {t}: {self.describe(state)}" for t, state in enumerate(self._drive(self.session.statuses(), mute))]

    def describe(self, status: Status) -> str:
        """Where a thread stands, and why it stopped if it did."""
        if status.state is ThreadState.IDLE:
            return "idle"
        try:
            word = self.do(self.session.read(status.pc, 4))
            text = disassemble(int.from_bytes(word, "little"), status.pc)
        except HostError:  # it left SRAM, or its word is lost
            text = "?"
        fault = f", {status.cause.name} with operand {status.operand:#x}" if status.state is ThreadState.FAULTED else ""
        return f"{status.state.name} at pc {status.pc:#x} ({text}){fault}, {status.retired} instructions retired"

    # --- memory --------------------------------------------------------------------------------------------------------------

    def write(self, writes: Iterable[tuple[int, bytes]]) -> None:
        """Bytes into SRAM; returns when all of them are there."""
        self.do(self.session.write(writes))

    def read(self, address: int, size: int) -> bytes:
        """Bytes from SRAM."""
        return self.do(self.session.read(address, size))

    def read_matrix(self, matrix: Matrix) -> NDArray:
        """A matrix's bit patterns."""
        return matrix.unpack(self.read(matrix.address, matrix.size))

    # --- threads -------------------------------------------------------------------------------------------------------------

    def start(self, launches: Iterable[Launch]) -> None:
        """Start threads; ``wait`` tells when they end."""
        self._send([self.session.start(launch).packet for launch in launches])

    def wait(self, threads: int) -> list[tuple[int, Status]]:
        """Until so many started threads have ended: (thread, status) of each.

        Raises
        ------
        HostError
            When one ended with a fault, or nothing moves any more: what every thread waits for.
        """
        halted = self.wait_any(threads)
        faults = [(thread, status) for thread, status in halted if status.state is ThreadState.FAULTED]
        if faults:
            raise HostError("\n".join(f"thread {thread} stopped: {self.describe(status)}" for thread, status in faults))
        return halted

    def wait_any(self, threads: int) -> list[tuple[int, Status]]:
        """The same, but a fault is an end like any other. An interruption is passed on with where the threads are."""
        try:
            while len(self._ended) < threads:
                self._listen(1, self._explain)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(self._where()) from None
        ended, self._ended = self._ended[:threads], self._ended[threads:]
        return [(request.packet.length, Status.of(request.result().data)) for request in ended]

    def _where(self) -> str:
        moment = self.moment
        try:
            stand = [f"thread {t} {self.describe(state)}" for t, state in enumerate(self.status()) if state.state is not ThreadState.IDLE]
        except HostError as error:
            return f"{moment}: {' '.join(str(error).split())}"
        return f"{moment}: {'; '.join(stand) or 'no thread runs'}"

    def run(self, launches: Sequence[Launch]) -> None:
        """Start threads and wait until all of them have ended."""
        self.start(launches)
        self.wait(len(launches))

    def flush(self) -> None:
        """Empty the instruction cache: the program in SRAM is another one."""
        self.do(self.session.flush())

    def status(self) -> list[Status]:
        """All threads."""
        return self.do(self.session.statuses())

    def counters(self) -> Mapping[Counter, int]:
        """All event counters."""
        return self.do(self.session.counters())

    # --- jobs ----------------------------------------------------------------------------------------------------------------

    def load(self, job: Job) -> None:
        """A job's program and inputs into SRAM."""
        self.write([(job.program.origin, job.program.image), *job.inputs])
        self.flush()


def together(work: Iterable[tuple[BlockingHost, Script[T]]]) -> list[T | None]:
    """A script of each host, side by side: all send what they ask before one waits. What the scripts return, in order.

    Raises as `BlockingHost.do`.
    """
    scripts = list(work)
    results: list[T | None] = [None] * len(scripts)
    answers: dict[int, list[Packet] | None] = dict.fromkeys(range(len(scripts)))
    while answers:
        asked: dict[int, Sequence[Request]] = {}
        for number, got in answers.items():
            host, script = scripts[number]
            try:
                asked[number] = next(script) if got is None else script.send(got)
            except StopIteration as end:
                results[number] = end.value
            else:
                host._send([request.packet for request in asked[number]])
        answers = {number: scripts[number][0]._finish(requests, scripts[number][0]._explain) for number, requests in asked.items()}
    return results
