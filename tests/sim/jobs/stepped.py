"""The small program that debuggers step: two threads, of which one waits for the other's store."""

from golden.arch.config import get_config
from golden.asm import assemble

CONFIG = get_config("tiny")
TEXT = """
start:  li x5, 7
        addi x5, x5, 1
again:  st.d x5, x0, 0x80
        raise 3, 1
        addi x5, x5, 1
        halt
start1: wait 3, 1
        ld.d x6, x0, 0x80
        halt
"""
PROGRAM = assemble(TEXT)
