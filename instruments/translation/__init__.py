"""Translations: texts of the forms by place, their states, and the sheets that translators fill."""
