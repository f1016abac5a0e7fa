"""Kinlink: record linkage at family level, without pooling names."""
