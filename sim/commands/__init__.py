"""The commands of ``python -m sim``: arguments, one call into a job, what is printed."""

from importlib import import_module

from sim.commands.command import COMMANDS, Command, CommandError

# In the order in which the help lists them.
for _part in ("training", "kernel", "program", "debug", "see", "measures", "profile", "network", "waves", "suite", "regression"):
    import_module(f"{__name__}.{_part}")

__all__ = ["COMMANDS", "Command", "CommandError"]
