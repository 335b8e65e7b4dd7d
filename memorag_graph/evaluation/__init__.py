"""Data set + pipelines → one row per question and pipeline → metrics with intervals, a table, plots."""
