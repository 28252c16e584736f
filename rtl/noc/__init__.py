"""The network side of a node: packets, links, and the endpoint that serves them."""
