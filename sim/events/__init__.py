"""What a run told, kept in a file, and what can be read out of it without simulating again."""
