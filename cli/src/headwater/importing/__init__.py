"""Files in: read, checked row by row, reported, and sent through the public API so that every row goes in once."""
