"""The network's reference: what a router does in every cycle, the tables it is given, the traffic it is measured with."""
