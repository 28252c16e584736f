"""The front end: fetch, decode, dispatch."""
