"""What ``make sim`` trains: data, network, optimiser and the program that the node runs."""
