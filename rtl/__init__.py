"""The design: Amaranth components, from arithmetic to mesh. Imports Amaranth and golden.arch, nothing else."""
