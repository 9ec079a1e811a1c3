"""Where the jobs of a batch run: processes here, a Dask cluster, a Slurm array."""
