"""Makes Amaranth's RTLIL text smaller without changing what it means.

Amaranth writes one module per instance: 64 equal lanes are 64 modules. Two modules whose text is equal up to the names
that Amaranth numbers globally are one module here, found from the leaves upward, so that equal trees merge as a whole.
A memory whose first content is all zeros loses that content (for a 1.25 MB SRAM: 10 Mbit of text).
"""

import re

_MODULE = re.compile(r"^module \\(\S+)\n(.*?)^end\n", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^  cell \\(\S+) (\S+)\n(.*?)^  end\n", re.MULTILINE | re.DOTALL)
_PORT_NAME = re.compile(r"\\port\$\d+\$\d+")
_CONNECT = re.compile(r"^(    connect )(\\port\$\d+\$\d+)", re.MULTILINE)
_MEMINIT = re.compile(r"^  cell \$meminit_v2 \S+\n.*?^  end\n\n?", re.MULTILINE | re.DOTALL)
_ZEROS = re.compile(r"^    connect \\DATA \d+'0+$", re.MULTILINE)


def shrink(text: str, top: str) -> str:
    """RTLIL of the same design: `top` first, each distinct module once, no all-zero memory contents.

    What is not in the text is an instance of a design of its own.
    """
    modules = {match[1]: match[2] for match in _MODULE.finditer(text)}
    kept: dict[str, str] = {}  # canonical body -> name of the module that stands for it
    standing: dict[str, str] = {}  # every module's name -> name of the one that stands for it
    renamed: dict[str, dict[str, str]] = {}  # module -> its numbered port names -> canonical ones

    def visit(name: str) -> None:
        if name in standing or name not in modules:
            return
        body = modules[name]
        for cell in _CELL.finditer(body):
            visit(cell[1])
        body = _CELL.sub(rewire, body)
        ports: dict[str, str] = {}
        body = _PORT_NAME.sub(lambda match: ports.setdefault(match[0], f"\\port${len(ports)}"), body)
        body = _MEMINIT.sub(lambda match: "" if _ZEROS.search(match[0]) else match[0], body)
        renamed[name] = ports
        standing[name] = kept.setdefault(body, name)

    def rewire(cell: re.Match) -> str:
        ports = renamed.get(cell[1], {})
        connects = _CONNECT.sub(lambda match: match[1] + ports.get(match[2], match[2]), cell[3])
        return f"  cell \\{standing.get(cell[1], cell[1])} {cell[2]}\n{connects}  end\n"

    visit(top)
    bodies = {name: body for body, name in kept.items()}
    order = [top] + [name for name in bodies if name != top]
    return "".join(f"module \\{name}\n{bodies[name]}end\n\n" for name in order)
