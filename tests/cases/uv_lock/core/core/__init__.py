"""A library of the same repository."""
