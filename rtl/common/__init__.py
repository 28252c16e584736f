"""Small parts that every region of the machine uses: streams, arbiters, shapes."""
