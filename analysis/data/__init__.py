"""Published data that ship with the package, each folder with its source and how to cite it. No functions."""
