"""The node's SRAM: banks, ports, arbitration and error correction."""
