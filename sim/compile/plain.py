"""Names that every wave viewer can spell: RTLIL whose signals, instances and modules are words of letters, digits and underscores.

Amaranth numbers what would be twice in a module (``result$794``), and names the fields of a record and the elements of an array after it
(``entry.value``, ``slot[3].parity``). ``plain`` writes result, entry__value, slot_3__parity; where two would be one, the later is numbered
from 2 on. Ports of the top module, which benches know by their names, must be words already.
"""

import re

_TOKEN = re.compile(r"\\\S+")
_MODULE = re.compile(r"^module \\(\S+)\n(.*?)^end\n", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^  cell \\(\S+) \\(\S+)\n(.*?)^  end\n", re.MULTILINE | re.DOTALL)
_CONNECT = re.compile(r"^    connect \\(\S+) (.*)$", re.MULTILINE)
_DECLARED = re.compile(r"^  (?:wire|memory) .*\\(\S+)$|^  cell \S+ \\(\S+)$", re.MULTILINE)
_MEMORY = re.compile(r'^(    parameter \\MEMID "\\\\)(\S+)"$', re.MULTILINE)
_ATTRIBUTE = re.compile(r"^\s*attribute .*$", re.MULTILINE)


def plain(text: str) -> str:
    """The same design."""
    modules = _spelled(match[1] for match in _MODULE.finditer(text))
    names = {match[1]: _spelled(wire or cell for wire, cell in _DECLARED.findall(match[2])) for match in _MODULE.finditer(text)}

    def module(match: re.Match) -> str:
        own, cells, body = names[match[1]], [], match[2]

        def cell(found: re.Match) -> str:
            ports = names[found[1]]
            inside = _CONNECT.sub(lambda connect: f"    connect \\{ports[connect[1]]} {spell(connect[2])}", found[3])
            cells.append(f"  cell \\{modules[found[1]]} \\{own[found[2]]}\n{inside}  end\n")
            return f"\0{len(cells) - 1}\0\n"

        def spell(part: str) -> str:
            return _TOKEN.sub(lambda token: "\\" + own.get(token[0][1:], token[0][1:]), part)

        body = _MEMORY.sub(lambda found: f'{found[1]}{own.get(found[2], found[2])}"', _CELL.sub(cell, body))
        attributes = _ATTRIBUTE.findall(body)
        body = spell(_ATTRIBUTE.sub("\1", body))
        body = re.sub("\1", lambda _: attributes.pop(0), body)
        body = re.sub("\0(\\d+)\0\n", lambda place: cells[int(place[1])], body)
        return f"module \\{modules[match[1]]}\n{body}end\n"

    return _MODULE.sub(module, text)


def _spelled(names) -> dict[str, str]:
    """A word for each name, none twice; a name that is a word keeps it."""
    listed = list(dict.fromkeys(names))
    taken = {name for name in listed if re.fullmatch(r"\w+", name)}
    found = {name: name for name in taken}
    for name in listed:
        if name in found:
            continue
        word = re.sub(r"\W+", "_", re.sub(r"\$\d+", "", name).replace("].", "__").replace(".", "__").rstrip("]")).strip("_") or "signal"
        free, count = word, 1
        while free in taken:
            count += 1
            free = f"{word}_{count}"
        taken.add(free)
        found[name] = free
    return found
