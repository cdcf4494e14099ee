"""Mappings as text: provinces over time, foreign tables and job titles to codes. Data, no functions."""
