"""The text of softmax: a pass over 32 samples, two vectors side by side, and one over 16.

With two vectors every operation is written for both, so that neighbours do not depend on each other. One vector has registers to spare:
what need not wait stands between what must, every tree level by level. Both round in the order of ``Softmax.reference``.

v28..v31 hold the constants. d0 Z, d1 Y, d2 dZ, d3 loss; their inner step is a row, with one vector two rows.
"""

from __future__ import annotations

LOG2E, ZERO, LN2_SHARE, SHARE = 28, 29, 30, 31

# --- 32 samples ------------------------------------------------------------------------------------------------------------------
# v0..v9 logits, then exponentials, of the first 16 samples; v10..v19 of the others; v20..v23 and v24..v27 temporaries of the two groups.

_GROUPS = (0, 1)
_CHOSEN, _RAISED = 1, 3  # turns after its comparison in which a class is chosen and scaled, and raised


def _value(group: int, c: int) -> int:
    return 10 * group + c


def _temp(group: int, i: int) -> int:
    return 20 + 4 * group + i


def _both(line) -> list[str]:
    """``line(group)`` for each group."""
    return [line(g) for g in _GROUPS]


def pair(classes: int) -> list[str]:
    """32 samples. Temporary 0 is d of the label, then its share of the loss, then 1/(s batch)."""
    lines = []
    for c in range(classes):
        lines += [f"vld.c v{_value(1, c)}, d0[0,1]", f"vld.c v{_value(0, c)}, d0, inner"]
    top, tree = _tree_text("vfmax", classes)
    lines += tree
    for c in range(classes):
        lines += _both(lambda g, c=c: f"vfsub v{_value(g, c)}, v{_value(g, c)}, v{_temp(g, top)}")
    lines += _both(lambda g: f"vcopy v{_temp(g, 0)}, v{_value(g, 0)}")
    lines += _exponentials(classes)
    lines += ["dstep d1, restart"]
    total, tree = _tree_text("vfadd", classes)
    other = 1 if total != 1 else 2
    lines += tree
    lines += _both(lambda g: f"vlog2 v{_temp(g, other)}, v{_temp(g, total)}")
    lines += _both(lambda g: f"vrecip v{_temp(g, total)}, v{_temp(g, total)}")
    lines += _both(lambda g: f"vfmul v{_temp(g, 0)}, v{_temp(g, 0)}, v{SHARE}")
    lines += _both(lambda g: f"vfms v{_temp(g, other)}, v{_temp(g, other)}, v{LN2_SHARE}, v{_temp(g, 0)}")
    lines += _both(lambda g: f"vfmul v{_temp(g, 0)}, v{_temp(g, total)}, v{SHARE}")
    lines += _both(lambda g: f"vst.c v{_temp(g, other)}, d3[0,{g}]")
    for c in range(classes):
        lines += [f"vld.c v{_label(1, c)}, d1[0,1]", f"vld.c v{_label(0, c)}, d1, inner"]
        lines += _both(lambda g, c=c: f"vfms v{_value(g, c)}, v{_value(g, c)}, v{_temp(g, 0)}, v{_label(g, c)}")
    for c in range(classes):
        lines += [f"vnarrow.bf16 v{_value(0, c)}, v{_value(0, c)}, v{_value(1, c)}"]
    lines += [f"vst.c v{_value(0, c)}, d2, inner" for c in range(classes)]
    return lines


def _label(group: int, c: int) -> int:
    """Where row c of Y goes: temporaries 1 to 3 in turn."""
    return _temp(group, 1 + c % 3)


def _exponentials(classes: int) -> list[str]:
    """d becomes e, and temporary 0 d of the label: a class is compared, then chosen and scaled, then raised, each a few classes later."""
    lines = []
    for turn in range(1, classes + _RAISED):
        if (c := turn) < classes:
            lines += [f"vld.c v{_label(1, c)}, d1[1,1]", f"vld.c v{_label(0, c)}, d1[1,0], inner"]
            lines += _both(lambda g, c=c: f"vflt v{_label(g, c)}, v{ZERO}, v{_label(g, c)}")
        if 0 <= (c := turn - _RAISED) < classes:
            lines += _both(lambda g, c=c: f"vexp2 v{_value(g, c)}, v{_value(g, c)}")
        if 1 <= (c := turn - _CHOSEN) < classes:
            lines += _both(lambda g, c=c: f"vselect v{_temp(g, 0)}, v{_value(g, c)}, v{_temp(g, 0)}, v{_label(g, c)}")
        if 0 <= (c := turn - _CHOSEN) < classes:
            lines += _both(lambda g, c=c: f"vfmul v{_value(g, c)}, v{_value(g, c)}, v{LOG2E}")
    return lines


def _tree_text(op: str, classes: int) -> tuple[int, list[str]]:
    """The tree of ``_tree`` over the values with temporaries 1 to 3; the temporary that holds its root, and the text."""
    level: list[tuple] = [("value", c) for c in range(classes)]
    nodes = []
    while len(level) > 1:
        pairs = [("node", len(nodes) + i // 2) for i in range(0, len(level) - 1, 2)]
        nodes += [(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + ([level[-1]] if len(level) % 2 else [])
    place: dict[int, int] = {}
    free, lines, pending = [1, 2, 3], [], list(range(len(nodes)))

    def register(source: tuple, group: int) -> int:
        return _value(group, source[1]) if source[0] == "value" else _temp(group, place[source[1]])

    while pending:
        # The first node whose inputs exist and which has a register: an input's, or a free one.
        for n in pending:
            inputs = [source[1] for source in nodes[n] if source[0] == "node"]
            if all(i in place for i in inputs) and (inputs or free):
                break
        else:
            raise ValueError(f"softmax: a tree of {classes} needs more temporaries")
        pending.remove(n)
        home = place[inputs[0]] if inputs else free.pop(0)
        a, b = nodes[n]
        lines += _both(lambda g, a=a, b=b, home=home: f"{op} v{_temp(g, home)}, v{register(a, g)}, v{register(b, g)}")
        for i in inputs[1:]:
            free.append(place[i])
        place[n] = home
    return place[len(nodes) - 1], lines


# --- 16 samples ------------------------------------------------------------------------------------------------------------------
# v0..v9 logits, then d, then exponentials; v10..v19 labels, then masks, and labels again; v20..v27 temporaries.

_ANY, _LOW, _HIGH = 25, 26, 27
"""Whether the label is a class of the upper half; d of the label, if it is one of the lower half, and of the upper half."""


def alone(classes: int) -> list[str]:
    """16 samples. The chosen class comes from two halves: the last one with a label in each, then the upper half's if there is one."""
    half = (classes + 1) // 2
    lines = _rows(0, 0, classes) + _rows(_mask(0), 1, classes)
    compares = [f"vflt v{_mask(c)}, v{ZERO}, v{_mask(c)}" for c in range(1, classes)]
    compares += [f"vor v{_ANY}, v{_ANY if c > half + 1 else _mask(half)}, v{_mask(c)}" for c in range(half + 1, classes)]
    if classes - half == 1:
        compares.append(f"vcopy v{_ANY}, v{_mask(half)}")
    levels = _levels("vfmax", classes)
    for level in levels:
        lines += level + [compares.pop(0) for _ in range(min(len(compares), max(0, _LATENCY - len(level))))]
    lines += compares
    lines += [f"vfsub v{c}, v{c}, v{_FIRST_TEMP}" for c in range(classes)]
    lines += ["dstep d1, restart", *_chosen(classes, half)]
    lines += _rows(_mask(0), 1, classes)
    lines += [f"vfmul v{_LOW}, v{_LOW}, v{SHARE}"]
    lines += [line for level in _levels("vfadd", classes) for line in level]
    lines += [f"vrecip v{_HIGH}, v{_FIRST_TEMP}", f"vlog2 v{_ANY}, v{_FIRST_TEMP}"]
    lines += [f"vfmul v{_HIGH}, v{_HIGH}, v{SHARE}", f"vfms v{_ANY}, v{_ANY}, v{LN2_SHARE}, v{_LOW}"]
    lines += [f"vfms v{c}, v{c}, v{_HIGH}, v{10 + c}" for c in range(classes)]
    lines += [f"vst.c v{_ANY}, d3"]
    rows = range(0, classes, 2)
    lines += [f"vnarrow.bf16 v{c}, v{c}, v{min(c + 1, classes - 1)}" for c in rows]
    return lines + [f"vst.g32 v{c}, d2, inner" for c in rows]


def _rows(first: int, descriptor: int, classes: int) -> list[str]:
    """Rows into neighbouring registers, two at a time, because a load goes with the next one unless it steps what that takes."""
    last = [f"vld.c v{first + classes - 1}, d{descriptor}"] if classes % 2 else []
    pairs = range(0, classes - 1, 2)
    both = [line for c in pairs for line in (f"vld.c v{first + c}, d{descriptor}", f"vld.c v{first + c + 1}, d{descriptor}[1,0], inner")]
    return both + last


_FIRST_TEMP, _LATENCY = 20, 9


def _mask(c: int) -> int:
    return 10 + c


def _levels(op: str, classes: int) -> list[list[str]]:
    """A tree over v0, v1, .. level by level: neighbours pairwise, an odd one waits at the end. Its root comes to the first temporary."""
    row, levels = list(range(classes)), []
    while len(row) > 1:
        into = [row[i] if levels else _FIRST_TEMP + i // 2 for i in range(0, len(row) - 1, 2)]
        levels.append([f"{op} v{to}, v{row[2 * i]}, v{row[2 * i + 1]}" for i, to in enumerate(into)])
        row = into + ([row[-1]] if len(row) % 2 else [])
    return levels


def _chosen(classes: int, half: int) -> list[str]:
    """d of the label, and every d scaled and raised, which must wait until the choice has read it."""
    low, high = list(range(1, half)), list(range(half + 1, classes))
    early = sorted({0, 1, half, half + 1} & set(range(classes)))
    spare = [*range(_FIRST_TEMP, _ANY), _mask(0)]
    scaled = {c: c if c in early else spare.pop(0) for c in range(classes)}
    lines = [] if low else [f"vcopy v{_LOW}, v0"]
    lines += [] if high else [f"vcopy v{_HIGH}, v{half}"]
    raised: list[int] = []
    for turn in range(max(len(low), len(high), 1)):
        for into, half_of, base in ((_LOW, low, 0), (_HIGH, high, half)):
            if turn < len(half_of):
                c = half_of[turn]
                lines.append(f"vselect v{into}, v{c}, v{into if turn else base}, v{_mask(c)}")
        if not turn:
            lines += [f"vfmul v{scaled[c]}, v{c}, v{LOG2E}" for c in range(classes)]
        else:
            lines += [f"vexp2 v{c}, v{scaled[c]}" for c in raised]
        raised = early if not turn else [half_of[turn] for half_of in (low, high) if turn < len(half_of)]
    lines += [f"vexp2 v{c}, v{scaled[c]}" for c in raised]
    return [*lines, f"vselect v{_LOW}, v{_HIGH}, v{_LOW}, v{_ANY}"]
