"""Parts of cocotb benches. They know a design by its manifest alone, so any netlist with the same ports will do.

The launcher passes three things by environment: TB_MANIFEST (the file that sim.compile.elaborate wrote), TB_PARAMETERS
(JSON) and COCOTB_RANDOM_SEED (from which tb.seed derives everything).

Each part has one duty: a Source turns transactions into wiggles, a Monitor turns wiggles into transactions and checks
the stream rules, a scoreboard compares with what a model of golden expects. Only the bench knows all of them.
"""
