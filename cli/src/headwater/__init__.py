"""The command line, and the whole suite on one machine in three processes."""
