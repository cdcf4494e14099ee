"""Arrays in, frozen results out: every loop and every solver of the models.

Nothing here knows a frame, a formula or a column name; the rooms above own those. Shapes are written as (n,)
rows, (p,) terms, (m,) event times, (g,) clusters. Intervals are (start, stop]: covariates hold from just
after `start`, events happen at `stop`, and a row that starts at an event time is not at risk at it.
"""
