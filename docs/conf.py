"""Settings of the documentation's build: sphinx-build -W -b html docs docs/_build/html"""

from __future__ import annotations

from syncproton import __version__

project = "syncproton"
author = "the syncproton authors"
release = version = __version__

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
highlight_language = "none"

# The public API, in the order in which its source has it, with short types.
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "inherited-members": "object, int, str, float, dict, list, Exception"}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

html_theme = "alabaster"
html_theme_options = {
    "description": "AMQP 1.0 for ordinary Python programs",
    "fixed_sidebar": True,
    "page_width": "68em",
}
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
