"""Finite clusters by their full Liouvillian."""
