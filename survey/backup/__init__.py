"""Backups: verified copies of a study, encrypted to keys that do not lie here, and the way back.

`shelf` makes, lists and thins out the files, `restore` takes one back; `copies` copies and examines a
database of either kind; `sealed` is the one door to age encryption. What is in a backup and what is not says
`shelf.parts`.
"""
