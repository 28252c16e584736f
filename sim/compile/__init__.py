"""From an Amaranth component to something that runs: Verilog text, Verilator models, Amaranth's own simulator.

    component --elaborate--> Design (Verilog + manifest) --verilator--> cocotb model or C++ engine
             \\--native--> Amaranth's simulator

Everything made is kept under build/<kind>/<hash of what it was made from>/ and made once.
"""
