"""Ingest and search, measured."""
