"""The vector unit: queues, issue, registers, the SIMD pipe."""
