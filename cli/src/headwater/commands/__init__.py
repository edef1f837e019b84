"""One module per command of `headwater`; see headwater.__main__ for what a module offers."""
