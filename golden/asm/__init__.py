"""Assembler and disassembler: text to words and back, both computed from the instruction table.

One instruction per line::

    ; a comment, also after an instruction
    .equ rows, 32                 ; a number
    .def A, d0                    ; another name for a register
    next:   (p1) vld.g8 v1, A[1,0], inner
            step.bf16 c0, v1, v2, first
            loopi done, rows / 8
            br next

Operands stand in the order of the table, separated by commas; ``d2[row,column]`` is a descriptor with its tile offset; flags and named
choices are trailing words. Numbers are integer expressions of literals, names and labels (``+ - * / % << >> ( )``; ``/`` divides
whole numbers). Pseudo-instructions: ``li64 xN, number`` (li and as many lih as it needs), ``mv xN, xM`` and
``bias xN, a, b, result`` (FP_MODE). ``golden.asm.data`` has the
directives of data (``.word``, ``.float``, ``.desc`` and others). Lines end as any editor ends them; a byte order mark at the beginning
is passed over.
"""

from golden.asm.assembler import Program, assemble
from golden.asm.disassembler import disassemble
from golden.asm.text import AsmError

__all__ = ["AsmError", "Program", "assemble", "disassemble"]
