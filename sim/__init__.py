"""Turns the design into running simulations: Verilog, Verilator models, jobs on them, and views of the results."""
