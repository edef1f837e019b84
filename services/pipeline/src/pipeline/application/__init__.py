"""Everything one may ask of the pipeline: load, ask, save. One method per command, nothing else."""
