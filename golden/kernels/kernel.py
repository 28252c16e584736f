"""What a kernel is: parameters, operands, reference, exact mathematics with an error bound, program text, views and work.

A kernel is one file of this folder with a class under ``@kernel("name")``; nothing else knows it by name. Its fields, made by ``extent``,
``flag``, ``choice`` and ``number``, are its parameters: they become options of ``python -m sim run``. An instance is the kernel at one
shape, and its text is a subroutine for that shape: it takes the images of its views in x1, x2, ... (two registers a descriptor), may use
every other register but x20 (its caller's), and returns through x31.
"""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from golden.arch.descriptor import Descriptor
from golden.arch.formats import FLOAT_FORMATS
from golden.arch.isa import THREADS
from golden.kernels.placement import Matrix, pitch_of
from golden.numerics.convert import f32_bits, f32_to_bf16

MOST_REGISTERS = 18  # x1 to x18 hold images: nine views


class Shaped(Protocol):
    """Anything with the shape of a matrix: an operand, a tensor, a matrix in memory."""

    rows: int
    columns: int
    format: str


class Role(Enum):
    """What a kernel does to an operand."""

    IN = "reads"
    OUT = "writes"
    UPDATE = "reads and writes"
    CONSTANT = "reads what the parameters decide"
    SCRATCH = "writes and reads again; nobody else looks at it"


@dataclass(frozen=True)
class Operand:
    """A matrix that a kernel takes.

    Attributes
    ----------
    value : bit patterns of a CONSTANT, None else.
    pitch : bytes from row to row when the kernel demands them, None when any will do.
    size : bytes that the kernel may walk from the first element on, None for rows x pitch.
    only : what its values are limited to; empty when they may be any bits.
    bias : exponent bias of its numbers, where the format leaves it open.
    """

    name: str
    rows: int
    columns: int
    format: str
    role: Role = Role.IN
    value: NDArray | None = dataclasses.field(default=None, compare=False)
    pitch: int | None = None
    size: int | None = None
    only: str = ""
    bias: int | None = None


# --- parameters ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parameter:
    """A parameter of a kernel: its type (int, float, str, bool), its default and what it may be."""

    name: str
    type: type
    default: Any
    what: str
    least: float = -math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """What a value may be, in words."""
        if self.type is bool:
            return "yes or no"
        if self.choices:
            return " or ".join(self.choices)
        kind = "a whole number" if self.type is int else "a number"
        return kind if math.isinf(self.least) and math.isinf(self.most) else f"{kind} from {self.least:g} to {self.most:g}"

    def holds(self, value: Any) -> bool:
        """Whether it may be ``value``: the type first, a whole number being a number, then the range."""
        if self.type is bool or isinstance(value, bool):
            return self.type is bool and isinstance(value, bool)
        if self.type is str:
            return value in self.choices
        if not isinstance(value, (int, float) if self.type is float else int):
            return False
        return math.isfinite(value) and self.least <= value <= self.most


def _field(default: Any, kind: type, what: str, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={"type": kind, "what": what, **limits})


def extent(default: int, what: str, most: int, least: int = 1) -> Any:
    """A parameter that counts something: a whole number."""
    return _field(default, int, what, least=least, most=most)


def flag(what: str) -> Any:
    """A parameter that is off unless given."""
    return _field(False, bool, what)


def choice(what: str, *choices: str) -> Any:
    """A parameter that is one of a few words; the first is the default."""
    return _field(choices[0], str, what, choices=choices)


def number(default: float, what: str, least: float = -math.inf, most: float = math.inf) -> Any:
    """A parameter that is a finite number."""
    return _field(default, float, what, least=least, most=most)


# --- kernels -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Axis:
    """An extent along which a kernel may be cut: its parts together compute the bits of the whole.

    Attributes
    ----------
    extent : the parameter that counts along it.
    along : the operands that are cut with it, 0 by rows, 1 by columns; every part takes the others as they are.
    grain : cuts lie at multiples of it, where no part is left with a half-empty pass.
    """

    extent: str
    along: Mapping[str, int]
    grain: int = 1


def bounds(extent: int, grain: int, parts: int) -> list[int]:
    """Where as many parts begin, as even as whole grains allow, and the end; fewer when there are fewer grains."""
    grains = -(-extent // grain)
    parts = max(1, min(parts, grains))
    return [grain * (grains * part // parts) for part in range(parts)] + [extent]


@dataclass(frozen=True)
class Part:
    """A part of a kernel: a kernel of its own, and where its operands begin in the whole ones (row, column)."""

    kernel: Kernel
    origins: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)


class Kernel:
    """A kernel at one shape; a frozen dataclass below ``@kernel``."""

    name: ClassVar[str]
    macs: int = 0
    """Multiply-accumulates of the mathematics, none of padding."""

    def __post_init__(self) -> None:
        for parameter in parameters(type(self)):
            value = getattr(self, parameter.name)
            if not parameter.holds(value):
                raise ValueError(f"{self.name}: {parameter.name} is {value!r}, it is {parameter.range} ({parameter.what})")

    @classmethod
    def of(cls, operands: Mapping[str, Shaped], **given: Any) -> Self:
        """The kernel whose operands have these shapes; what shapes do not say is ``given``. The shape of the first is m x n."""
        if not {"m", "n"} <= {parameter.name for parameter in parameters(cls)}:
            raise ValueError(f"kernel {cls.name} does not say its parameters from the shapes of its operands: write of()")
        first = next(iter(operands.values()))
        return cls(m=first.rows, n=first.columns, **given)

    def operands(self) -> tuple[Operand, ...]:
        """What it takes, in the order in which a host lays them out."""
        raise NotImplementedError

    def reference(self, **operands: NDArray) -> dict[str, NDArray]:
        """Bit patterns of what it writes, from those of what it reads."""
        raise NotImplementedError

    def exact(self, **operands: NDArray[np.float64]) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """What it writes in float64, and how far the reference may lie from it (absolute, the last rounding included)."""
        raise NotImplementedError

    def text(self, label: str) -> str:
        """The subroutine."""
        raise NotImplementedError

    def views(self, **matrices: Matrix) -> tuple[Descriptor, ...]:
        """The descriptors that the subroutine takes, in order."""
        raise NotImplementedError

    def example(self, rng: np.random.Generator) -> dict[str, NDArray]:
        """Random bit patterns of what it reads."""
        raise NotImplementedError

    def axes(self) -> tuple[Axis, ...]:
        """Along which extents it may be cut, the best for threads first; of none when its work is one piece."""
        return ()

    def cut(self, axis: Axis, at: Sequence[int]) -> tuple[Part, ...]:
        """Its parts along an axis, from each bound to the next."""
        parts = []
        for first, last in itertools.pairwise(at):
            kernel = dataclasses.replace(self, **{axis.extent: last - first})
            parts.append(Part(kernel, {name: (0, first) if columns else (first, 0) for name, columns in axis.along.items()}))
        return tuple(parts)

    def chosen(self) -> tuple[Part, ...]:
        """The work of each thread when nobody says how many: all on one, unless a kernel knows better."""
        return (Part(self),)

    def split(self, threads: int | None) -> tuple[Part, ...]:
        """The work of each of so many threads; of fewer, when some would have none; of as many as it chooses when None."""
        if threads is None:
            return self.chosen()
        if not 1 <= threads <= THREADS:
            raise ValueError(f"{self.name}: {threads} threads, a node has 1 to {THREADS}")
        if threads == 1:
            return (Part(self),)
        if not self.axes():
            raise ValueError(f"{self.name}: {threads} threads, it runs on 1")
        axis = self.axes()[0]
        return self.cut(axis, bounds(getattr(self, axis.extent), axis.grain, threads))

    def arguments(self, **matrices: Matrix) -> tuple[int, ...]:
        """x1, x2, ... for the subroutine."""
        return tuple(half for view in self.views(**matrices) for half in view.pack())

    def registers(self) -> int:
        """How many registers the subroutine takes: two a view, wherever its operands lie."""
        loose = {}
        for operand in self.operands():
            pitch = operand.pitch or pitch_of(operand.columns, operand.format)
            loose[operand.name] = Matrix(f"{operand.name} of {self.name}", 0, operand.rows, operand.columns, operand.format, pitch)
        return len(self.arguments(**loose))


KERNELS: dict[str, type[Kernel]] = {}
MEANT = ("operands", "reference", "exact", "text", "views", "example")


def kernel(name: str) -> Callable[[type[Kernel]], type[Kernel]]:
    """Decorator: the class becomes a frozen dataclass and enters ``KERNELS``.

    Raises
    ------
    ValueError
        When the name is taken or something that a kernel says is missing; the sentence names the file.
    """

    def enter(cls: type[Kernel]) -> type[Kernel]:
        place = f"{cls.__module__.replace('.', '/')}.py: kernel {name}"
        if name in KERNELS and KERNELS[name].__module__ != cls.__module__:
            raise ValueError(f"{place} is registered twice, in {KERNELS[name].__module__.replace('.', '/')}.py too")
        missing = [what for what in MEANT if getattr(cls, what) is getattr(Kernel, what)]
        if missing:
            raise ValueError(f"{place} does not say its {', '.join(missing)}: write {missing[0]}() as golden/kernels/kernel.py has it")
        if not vars(cls).get("__doc__"):
            raise ValueError(f"{place} does not say what it computes: give the class a docstring of one line")
        cls.name = name
        made = dataclass(frozen=True)(cls)
        bare = [field.name for field in dataclasses.fields(made) if "what" not in field.metadata]
        if bare:
            raise ValueError(f"{place}: parameter {bare[0]} has no meaning: make it with extent, flag, choice or number")
        KERNELS[name] = made
        return made

    return enter


def summary(cls: type[Kernel]) -> str:
    """A kernel in one line."""
    return (inspect.getdoc(cls) or "").splitlines()[0].rstrip(".")


def parameters(cls: type[Kernel]) -> tuple[Parameter, ...]:
    """The parameters of a kernel."""
    return tuple(Parameter(field.name, default=field.default, **field.metadata) for field in dataclasses.fields(cls))


# --- parts of kernels ------------------------------------------------------------------------------------------------------------


def random_f32(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> NDArray[np.uint32]:
    """Normal random numbers as FP32 bit patterns."""
    return f32_bits((scale * rng.standard_normal(shape)).astype(np.float32))


def random_bf16(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> NDArray[np.uint16]:
    """Normal random numbers rounded to BF16 bit patterns."""
    return f32_to_bf16(random_f32(rng, *shape, scale=scale))


def line(value: float) -> NDArray[np.uint32]:
    """A number in each of the 16 lanes of a line, as FP32 bit patterns: the value of a constant operand of 1 x 16."""
    with np.errstate(over="ignore"):
        return np.full((1, 16), np.float32(value)).view(np.uint32)


def rounding(value: NDArray[np.float64], format: str, bias: int | None = None) -> NDArray[np.float64]:
    """Half a unit in the last place of a result near ``value``: 2^-24 of it in FP32, 2^-8 in BF16, or half the smallest subnormal."""
    record = FLOAT_FORMATS[format]
    m = record.mantissa_bits
    return np.maximum(2.0 ** -(m + 1) * np.abs(value), 2.0 ** (-record.bias_value(bias) - m))
