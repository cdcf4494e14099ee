"""Comparability: two versions of a form compared by meaning, and what a researcher rules about a break."""
