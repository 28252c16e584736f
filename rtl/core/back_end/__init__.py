"""The vector side and the stores."""
