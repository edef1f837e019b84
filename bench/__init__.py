"""How fast the kernel is, next to what it replaces, measured in the same run on the same machine."""
