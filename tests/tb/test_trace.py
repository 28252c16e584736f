"""What the trace monitor says to a collector, without a simulator."""

from tb.bind import Port
from tb.trace import TraceMonitor

FIELDS = [
    {"name": "valid", "width": 1, "offset": 0, "signed": False},
    {"name": "thread", "width": 2, "offset": 1, "signed": False},
    {
        "name": "addr",
        "width": 8,
        "offset": 3,
        "signed": False,
        "fields": [{"name": str(i), "width": 4, "offset": 4 * i, "signed": False} for i in range(2)],
    },
]


class Collector:
    def __init__(self) -> None:
        self.fed = []

    def feed(self, port, fields) -> None:
        self.fed.append((port, fields))


def test_an_event_is_fed_by_name_with_arrays_as_lists():
    monitor = object.__new__(TraceMonitor)
    monitor.collector, monitor.count, monitor._prefix = Collector(), 0, "trace__"
    port = Port(None, {"name": "trace__store__1", "width": 11, "direction": "output", "signed": False, "fields": FIELDS})
    monitor._see(port, 1 | 2 << 1 | 0x7A << 3)
    assert monitor.count == 1
    assert monitor.collector.fed == [("store__1", {"valid": 1, "thread": 2, "addr": [10, 7]})]
