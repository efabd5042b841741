"""Vectors for nucypher-kafka."""

FILES = {}
