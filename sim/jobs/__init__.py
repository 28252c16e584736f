"""What can be run: one file per job, each with a function that ``python -m sim`` calls."""
