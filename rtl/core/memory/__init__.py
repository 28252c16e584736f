"""Addresses, descriptors, load and store queues."""
