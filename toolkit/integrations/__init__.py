"""Adapters to frameworks, each an optional extra and imported by its own name."""
