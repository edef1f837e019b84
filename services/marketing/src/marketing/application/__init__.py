"""Everything one may ask of marketing. One method per command: load, ask the domain, save."""
