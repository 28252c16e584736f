"""Instruction supply: windows of the threads, the cache behind them, and what fills it from SRAM."""
