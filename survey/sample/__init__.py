"""How people come into the sample: by a list from a file, or by the coupon of somebody who is in it.

`mapping` says what the columns of a file mean, `tables` reads it, `reading` makes rows of it, `duplicates`
looks for people who are there twice, `intake` compares with the cases known and takes in. `recruits` issues
coupons and knows who recruited whom, `export` writes lists for the field. Findings name rows and columns,
never what stands there.
"""
