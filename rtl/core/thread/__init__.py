"""The threads: what each executes next, how it waits, stops and is debugged, and what it counts."""
