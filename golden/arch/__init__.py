"""Facts about the machine, for everybody: encodings, layouts, formats, configurations. Standard library only."""
