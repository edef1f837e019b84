"""Requests in, calls out."""
