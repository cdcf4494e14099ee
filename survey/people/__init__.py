"""Who has whom, and why: assignment by rules, hand-over, late work, households, coupons, phone numbers.

What is decided here is kept as rows that can only be added to, each with its reason. Who is followed is the
matter of `survey.cases`, how people come into the sample that of `survey.sample`.
"""
