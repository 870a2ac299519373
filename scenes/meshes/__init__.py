"""Read and write mesh files."""
