"""What `make timing` times, computed from the tile: its components cut into units of a size that synthesis can take.

    tile in its silicon form -> Amaranth's netlist -> units: cells, inputs, outputs -> RTLIL of each distinct one

A component is a unit as a whole while it is no heavier than LIMIT; a heavier one is opened: its components are cut off, and
what is left of it (its own cells, and components lighter than CRUMB) is a unit too. So every cell of the tile is in exactly
one unit, wherever a component moves and whatever is added. Equal units are one, with a count.

A path may run through several units. Each input bit therefore knows which unit's output drives it, and sim/suite/timing.py
hands the arrival time on.

Storage that is only read through registers (SRAM macros, register files) is a black box: its inputs end paths, its outputs
begin them. All other memories become flip-flops.

What a path could hide behind is told (`Cut.uncovered`): a cell that no unit can hold, a path that leaves the top by a port that is no
flip-flop, an input whose driver has no arrival time, a lane for which another one cannot stand.

The netlist is Amaranth's own (amaranth.hdl._nir of the locked version): there nets are single bits whose driver is known,
through any hierarchy, and wiring has disappeared.
"""

from __future__ import annotations

import copy
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Signal, _ir, _nir
from amaranth.lib import memory, wiring

from sim.compile import merge
from sim.suite.timing_silicon import Hollows, bits, silicon

LIMIT = 60_000  # bits of logic, flip-flops, mapped memory and what chooses its words, in one unit: minutes of ABC
CRUMB = 400  # a component below this stays with what surrounds it
MACRO_BITS = 2_000  # storage below this is worth no macro

_NO_NET = _nir.Net.from_const(0)
_MEMORY_PORTS = (_nir.SyncWritePort, _nir.SyncReadPort, _nir.AsyncReadPort)
_LOGIC = (_nir.Operator, _nir.Part, _nir.Matches, _nir.PriorityMatch, _nir.AssignmentList, _nir.FlipFlop, _nir.Memory, *_MEMORY_PORTS)
"""What a unit can hold; anything else is a black box, and uncovered."""


@dataclass
class Unit:
    """A piece of the tile that is synthesised by itself.

    name: of its component's class, in lower case with hyphens.
    count: equal ones in the tile.
    parts: components in it, as paths of instances; of one of the equal ones.
    text: RTLIL of module `unit`, its ports `clk`, `in` and `out`.
    sources: for each bit of `in` what drives it, over all equal ones: (unit, bit of its `out`). A bit without a source comes
        from a flip-flop outside (another tile, storage).
    outputs: for each bit of `out` the register that it is, or "" where it is logic.
    """

    name: str
    count: int
    parts: list[str]
    text: str
    sources: list[set[tuple[str, int]]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


@dataclass
class Cut:
    """Everything in some components.

    units: each distinct piece. storage: the black boxes, equal ones together: part, count, depth, width, reads, writes.
    uncovered: where paths are that no unit has, a line each; empty when the units have all.
    """

    units: list[Unit]
    storage: list[dict[str, Any]]
    uncovered: list[str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"units": [asdict(unit) | {"sources": [sorted(bit) for bit in unit.sources]} for unit in self.units]}

    @classmethod
    def from_json(cls, made: dict[str, Any]) -> Cut:
        units = [Unit(**unit | {"sources": [{tuple(source) for source in bit} for bit in unit["sources"]]}) for unit in made["units"]]
        return cls(units, made["storage"], made["uncovered"])


def cut(
    tops: Mapping[str, Callable[[], wiring.Component]], limit: int = LIMIT, crumb: int = CRUMB, watched: Collection[str] = ()
) -> Cut:
    """Cuts what each of `tops` makes; its key is the name under which parts are found. Tops meet only at their ports.

    limit, crumb: bits of logic above which a component is opened, and below which one is not cut off. watched: ports of the tops, by the
    first part of their path, that only who simulates watches: silicon does not have them.
    """
    whole = Cut([], [], [])
    for name, make in tops.items():
        with silicon() as hollows:
            _Cutter(name, make(), hollows, limit, crumb, watched).add_to(whole)
    return whole


def class_name(kind: type) -> str:
    """The class of a component as units are called: FrontEnd is front-end, SRAM is sram, FP32Lane is fp32-lane."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", kind.__name__).lower()


class _Cutter:
    """The tile's netlist, which module of it belongs to which unit, and the nets between units."""

    def __init__(
        self, name: str, component: wiring.Component, hollows: Hollows, limit: int, crumb: int, watched: Collection[str] = ()
    ) -> None:
        fragment = _ir.Fragment.get(component, None)
        members = [(path, value) for path, _member, value in component.signature.flatten(component) if path[0] not in watched]
        ports = {"__".join(map(str, path)): (bits(value), None) for path, value in members}
        design = fragment.prepare(ports=ports, hierarchy=(name,))
        self.netlist = _ir.build_netlist(design)
        self.modules = self.netlist.modules
        origins = {info.name: part.origins or () for part, info in design.fragments.items()}
        self.component = [_component(origins.get(module.name, ())) for module in self.modules]
        self.hollows = hollows
        self.boxes = self._find_boxes()
        self.root = self._choose(limit, crumb)  # module -> module at the root of its unit
        self.names = {module: [] for module in range(len(self.modules))}  # module -> [(name of a register, its nets)]
        self._name_registers()

    def _find_boxes(self) -> set[int]:
        """Cells that are black boxes: large storage with its ports, and what no unit can hold."""
        cells = self.netlist.cells
        mapped = {cell.memory for cell in cells if isinstance(cell, _nir.AsyncReadPort)}
        written = {cell.memory for cell in cells if isinstance(cell, _nir.SyncWritePort)}
        macros = {index for index in written - mapped if cells[index].width * cells[index].depth >= MACRO_BITS}
        ports = {index for index, cell in enumerate(cells) if isinstance(cell, _MEMORY_PORTS) and cell.memory in macros}
        return macros | ports | {index for index, cell in enumerate(cells) if index and not isinstance(cell, _LOGIC)}

    def _choose(self, limit: int, crumb: int) -> list[int]:
        own = [0] * len(self.modules)
        for index, cell in enumerate(self.netlist.cells):
            if index not in self.boxes:
                own[cell.module_idx] += _weight(cell, self.netlist.cells)
        total = list(own)
        for index in reversed(range(1, len(self.modules))):
            total[self.modules[index].parent] += total[index]
        lanes = {*self.hollows, *self.hollows.values()}  # the joints between them are laid by hand: always units
        root = [0] * len(self.modules)
        opened = [total[0] > limit] * len(self.modules)  # components below this module are cut off
        for index in range(1, len(self.modules)):
            parent = self.modules[index].parent
            component = self.component[index]
            cut = opened[parent] and component is not None and total[index] >= crumb or component in lanes
            root[index] = index if cut else root[parent]
            opened[index] = opened[parent] and total[index] > limit
        return root

    def _name_registers(self) -> None:
        """A register has the first name that its own component gives it, so that equal components have equal names."""
        cells = self.netlist.cells
        named = set()
        for index, module in enumerate(self.modules):
            for signal in module.signal_names:
                value = self.netlist.signals[signal]
                cell = value[0].cell if len(value) and value[0].is_cell else 0
                if cell in named or not isinstance(cells[cell], _nir.FlipFlop) or cells[cell].module_idx != index:
                    continue
                if tuple(value) == tuple(_nir.Net.from_cell(cell, bit) for bit in range(len(cells[cell].data))):
                    named.add(cell)
                    self.names[index].append((signal, value))

    def add_to(self, whole: Cut) -> None:
        """Adds the units, storage and uncovered paths of this top."""
        members = defaultdict(list)  # root -> cells
        for index, cell in enumerate(self.netlist.cells):
            if index and index not in self.boxes:
                members[self.root[cell.module_idx]].append(index)
        used = self._used_outside()
        pieces = {
            root: _Piece(self, root, cells, used[root])
            for root, cells in members.items()
            if _weight_of(self, cells) and self.component[root] not in self.hollows
        }
        found = {unit.text: unit for unit in whole.units}
        home: dict[int, Unit] = {}  # root -> its unit
        for root, piece in pieces.items():
            text = piece.text()
            if text not in found:
                found[text] = Unit(
                    self._free_name(root, whole.units), 0, self._parts(root), text, [set() for _ in piece.inputs], piece.output_names()
                )
                whole.units.append(found[text])
            found[text].count += 1
            home[root] = found[text]
        roots = {self.component[root]: root for root in pieces}
        for lane in self.hollows.values():
            home[roots[lane]].count += 1
        whole.uncovered += [*self._join(pieces, home, roots), *self._open_ports(), *self._foreign()]
        whole.storage += self._storage()

    def _free_name(self, root: int, units: list[Unit]) -> str:
        component = self.component[root]
        base = name = class_name(type(component)) if component is not None else "-".join(self.modules[root].name)
        number = 1
        while name in {unit.name for unit in units}:
            number += 1
            name = f"{base}-{number}"
        return name

    def _used_outside(self) -> dict[int, dict[_nir.Net, None]]:
        """For each unit its nets that another one, a black box, a clock gate or a port of the top takes in, in their order."""
        cells = self.netlist.cells
        used = defaultdict(set)
        for index, cell in enumerate(cells):
            reader = None if index == 0 or index in self.boxes else self.root[cell.module_idx]
            for net in _data_inputs(cell):
                if net.is_cell and net.cell and net.cell not in self.boxes:
                    driver = self.root[cells[net.cell].module_idx]
                    if driver != reader:
                        used[driver].add(net)
        for net in self._clock_gates():
            used[self.root[cells[net.cell].module_idx]].add(net)
        for hollow, whole in self.hollows.items():
            for here, there in self._ports(hollow, whole, wiring.Out):
                if there.is_cell and here in used[self.root[cells[here.cell].module_idx]]:
                    used[self.root[cells[there.cell].module_idx]].add(there)
        return defaultdict(dict, {root: dict.fromkeys(sorted(nets)) for root, nets in used.items()})

    def _clock_gates(self) -> set[_nir.Net]:
        """Outputs of flip-flops that clocks are made from."""
        cells = self.netlist.cells
        pending = {cell.clk for cell in cells if hasattr(cell, "clk")}
        seen, gates = set(), set()
        while pending:
            net = pending.pop()
            if net in seen or not net.is_cell or not net.cell:
                continue
            seen.add(net)
            if isinstance(cells[net.cell], _nir.FlipFlop):
                gates.add(net)
            else:
                pending |= set(_data_inputs(cells[net.cell]))
        return gates

    def _join(self, pieces: dict[int, _Piece], home: dict[int, Unit], roots: dict[object, int]) -> list[str]:
        """Tells every input bit which unit's output drives it, and returns what it could not tell."""
        places = {net: (home[root].name, bit) for root, piece in pieces.items() for bit, net in enumerate(piece.outputs)}
        taken = [(net, home[root], bit) for root, piece in pieces.items() for bit, net in enumerate(piece.inputs)]
        uncovered = []
        for hollow, whole in self.hollows.items():
            root = roots[whole]
            bit_of = {net: bit for bit, net in enumerate(pieces[root].inputs)}
            places |= {here: places[there] for here, there in self._ports(hollow, whole, wiring.Out) if there in places}
            for here, there in self._ports(hollow, whole, wiring.In):
                if there in bit_of:
                    taken.append((here, home[root], bit_of[there]))
                elif here != there:
                    unheard = f"for which {self._path(root)} stands, which does not hear its own"
                    uncovered.append(f"input of a {class_name(type(hollow))} {unheard}")
        for net, unit, bit in taken:
            if net in places:
                unit.sources[bit].add(places[net])
            elif net.is_cell and net.cell and net.cell not in self.boxes:
                uncovered.append(f"input bit {bit} of {unit.name}: nothing that is timed drives it")
        return list(dict.fromkeys(uncovered))

    def _ports(self, hollow: wiring.Component, whole: wiring.Component, flow: wiring.Flow) -> list[tuple[_nir.Net, _nir.Net]]:
        """Nets of the ports of that direction, bit by bit, of a hollow lane and of the one that stands for it."""
        pairs = []
        for (_path, member, here), (_, _, there) in zip(hollow.signature.flatten(hollow), whole.signature.flatten(whole), strict=True):
            if member.flow == flow and (nets := self.netlist.signals.get(bits(here))) is not None:
                # A port that nobody drives or hears is in no netlist.
                others = self.netlist.signals.get(bits(there), [_NO_NET] * len(nets))
                pairs += zip(nets, others, strict=True)
        return pairs

    def _open_ports(self) -> list[str]:
        """Outputs of the top with logic behind the last flip-flop: their paths go on where nobody times them."""
        cells, held = self.netlist.cells, (_nir.FlipFlop, _nir.SyncReadPort)
        return [
            f"path out of {self.modules[0].name[0]} by {name}"
            for name, value in self.netlist.top.ports_o.items()
            if any(net.is_cell and not isinstance(cells[net.cell], held) for net in (_through(net, cells) for net in value))
        ]

    def _foreign(self) -> list[str]:
        cells = self.netlist.cells
        kinds = [(self._path(cells[index].module_idx), cells[index]) for index in sorted(self.boxes)]
        return [
            f"{path}: {getattr(cell, 'type', type(cell).__name__)}, which is no logic of this design"
            for path, cell in kinds
            if not isinstance(cell, _LOGIC)
        ]

    def _path(self, module: int) -> str:
        return "/".join(_plain(step) for step in self.modules[module].name)

    def _parts(self, root: int) -> list[str]:
        return [
            self._path(index)
            for index, module in enumerate(self.modules)
            if self.root[index] == root and (self.component[index] is not None or index == root)
        ]

    def _storage(self) -> list[dict[str, Any]]:
        cells = self.netlist.cells
        kinds: dict[tuple, dict[str, Any]] = {}
        for index in sorted(self.boxes):
            cell = cells[index]
            if isinstance(cell, _nir.Memory):
                ports = [cells[other] for other in self.boxes if getattr(cells[other], "memory", None) == index]
                writes = sum(isinstance(port, _nir.SyncWritePort) for port in ports)
                part = re.sub(r"\d+$", "*", self._path(cell.module_idx))
                row = {"part": part, "count": 0, "depth": cell.depth, "width": cell.width}
                row |= {"reads": len(ports) - writes, "writes": writes}
                kinds.setdefault((part, cell.depth, cell.width), row)["count"] += 1
        return list(kinds.values())


class _Piece:
    """One unit's cells as a netlist of their own."""

    def __init__(self, cutter: _Cutter, root: int, cells: list[int], outputs: dict[_nir.Net, None]):
        self._cutter = cutter
        self._root = root
        self._cells = cells
        self.outputs = list(outputs)
        inside = set(cells)
        nets: dict[_nir.Net, None] = {}
        for index in cells:
            nets |= dict.fromkeys(net for net in _data_inputs(cutter.netlist.cells[index]) if net.is_cell and net.cell not in inside)
        self.inputs = list(nets)

    def text(self) -> str:
        """RTLIL, the same for equal pieces: nothing in it tells where in the tile they stand."""
        whole = self._cutter.netlist
        part = _nir.Netlist()
        part.add_module(None, "unit")
        part.top.ports_i = {"clk": (2, 1), "in": (3, len(self.inputs))}
        place = {index: number + 1 for number, index in enumerate(self._cells)}
        nets = {net: _nir.Net.from_cell(0, 3 + bit) for bit, net in enumerate(self.inputs)}

        class Moved:
            """Stands where a netlist resolves its nets."""

            @staticmethod
            def resolve_net(net: _nir.Net) -> _nir.Net:
                return net if net.is_const else nets.get(net) or _nir.Net.from_cell(place[net.cell], net.bit)

            @classmethod
            def resolve_value(cls, value: _nir.Value) -> _nir.Value:
                return _nir.Value(cls.resolve_net(net) for net in value)

        clock = _nir.Net.from_cell(0, 2)
        for index in self._cells:
            cell = _copied(whole.cells[index])
            cell.resolve_nets(Moved)
            if hasattr(cell, "clk"):
                # A gated clock is the clock, and its gate's register has the whole cycle (rtl/common/clock_gate.py).
                cell.clk, cell.clk_edge = clock, "pos"
            if isinstance(cell, _MEMORY_PORTS):
                cell.memory = place[cell.memory]
                if isinstance(cell, _nir.SyncReadPort):
                    cell.transparent_for = tuple(place[port] for port in cell.transparent_for)
            if isinstance(cell, _nir.Memory):
                cell.name = f"{self._path_inside(whole.cells[index].module_idx)}_{place[index]}"
            cell.module_idx = 0
            part.add_cell(cell)
        part.top.ports_o = {"out": Moved.resolve_value(_nir.Value(self.outputs))}
        self._name_registers(part, Moved)
        _ir._compute_net_flows(part)
        _ir._compute_ports(part)
        builder = rtlil.Design(emit_src=False)
        module = builder.module("unit")
        module.attribute("top", 1)
        rtlil.ModuleEmitter(module, part, part.modules[0], _ir._ast.SignalDict(), empty_checker=rtlil.EmptyModuleChecker(part)).emit()
        return merge.shrink(str(builder), "unit")

    def _path_inside(self, module: int) -> str:
        """Path of a module inside the unit, with dots."""
        depth = len(self._cutter.modules[self._root].name)
        return ".".join(_plain(step) for step in self._cutter.modules[module].name[depth:])

    def _registers(self) -> dict[str, tuple[Signal, _nir.Value]]:
        """Registers by their name, with the path of their component inside the unit."""
        cutter = self._cutter
        found: dict[str, tuple[Signal, _nir.Value]] = {}
        for index in range(len(cutter.modules)):
            if cutter.root[index] == self._root:
                path = self._path_inside(index)
                for signal, value in cutter.names[index]:
                    found.setdefault(f"{path}.{signal.name}" if path else signal.name, (signal, value))
        return found

    def output_names(self) -> list[str]:
        """For each output the register and bit that it is, or an empty text."""
        names = {net: f"{name}[{bit}]" for name, (_, value) in self._registers().items() for bit, net in enumerate(value)}
        return [names.get(_through(net, self._cutter.netlist.cells), "") for net in self.outputs]

    def _name_registers(self, part: _nir.Netlist, moved: type) -> None:
        for name, (signal, value) in self._registers().items():
            if name not in ("clk", "in", "out"):
                part.signals[signal] = moved.resolve_value(value)
                part.signal_fields[signal] = {(): _nir.SignalField(part.signals[signal], signed=False)}
                part.modules[0].signal_names[signal] = name


def _plain(step: str) -> str:
    """A step of a path without the number by which Amaranth tells equal names apart."""
    return re.sub(r"\$\d+$", "", step)


def _component(origins: tuple[object, ...]) -> wiring.Component | None:
    """The component that a module of the netlist was made from; a memory belongs to the component that holds it."""
    found = [each for each in origins if isinstance(each, wiring.Component) and not isinstance(each, memory.Memory)]
    return found[-1] if found else None


def _data_inputs(cell: _nir.Cell) -> list[_nir.Net]:
    """Nets that a cell takes in beside its clock, in an order that is the same for equal cells."""
    nets: dict[_nir.Net, None] = {}

    class Seen:
        @staticmethod
        def resolve_net(net: _nir.Net) -> _nir.Net:
            nets[net] = None
            return net

        @classmethod
        def resolve_value(cls, value: _nir.Value) -> _nir.Value:
            return _nir.Value(cls.resolve_net(net) for net in value)

    _copied(cell).resolve_nets(Seen)
    nets.pop(_NO_NET, None)
    return list(nets)


def _through(net: _nir.Net, cells: Sequence[_nir.Cell]) -> _nir.Net:
    """What a net is where a signal is only put together from others: the net that is assigned to this bit under no condition."""
    while net.is_cell and isinstance(cell := cells[net.cell], _nir.AssignmentList):
        parts = [each for each in cell.assignments if each.start <= net.bit < each.start + len(each.value)]
        if parts and parts[-1].cond != _nir.Net.from_const(1):
            return net
        net = parts[-1].value[net.bit - parts[-1].start] if parts else cell.default[net.bit]
    return net


def _copied(cell: _nir.Cell) -> _nir.Cell:
    """A copy without its clock, whose nets may be replaced."""
    made = copy.copy(cell)
    if isinstance(cell, _nir.Top):
        made.ports_o = dict(cell.ports_o)
    if isinstance(cell, _nir.AssignmentList):
        made.assignments = tuple(copy.copy(each) for each in cell.assignments)
    if hasattr(cell, "clk"):
        made.clk = _NO_NET
    return made


def _weight(cell: _nir.Cell, cells: Sequence[_nir.Cell]) -> int:
    """Bits of logic and flip-flops that one of the cells may become."""
    if isinstance(cell, _nir.FlipFlop):
        return len(cell.data)
    if isinstance(cell, _nir.Operator):
        return max(len(value) for value in cell.inputs)
    if isinstance(cell, _nir.AssignmentList):
        return sum(len(each.value) for each in cell.assignments)
    if isinstance(cell, _nir.Memory):
        return _words(cell)
    if isinstance(cell, _nir.AsyncReadPort):
        return _words(cells[cell.memory])  # each port chooses among all words
    return 0 if isinstance(cell, _MEMORY_PORTS) else 1


def _words(cell: _nir.Memory) -> int:
    """Bits of a mapped memory; of a table that is given, few remain."""
    return cell.width * cell.depth // (8 if any(cell.init) else 1)


def _weight_of(cutter: _Cutter, indices: list[int]) -> int:
    cells = cutter.netlist.cells
    return sum(_weight(cells[index], cells) for index in indices)
