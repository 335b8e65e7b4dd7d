"""Read and validate data sets in several formats."""
