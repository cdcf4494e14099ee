"""One module or package per report, imported by `analysis.report.names`; words stand in wording.toml."""
