"""Settings of the documentation's build: sphinx-build -W -b html docs docs/_build/html"""

from __future__ import annotations

import ast
import inspect
import sys

import syncproton.broker  # noqa: F401  (its pages find it)

project = "syncproton"
author = "the syncproton authors"
release = version = syncproton.__version__

extensions = ["sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
highlight_language = "none"

# The public API, in the order in which its source has it, with short types.
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {
    "members": True,
    "inherited-members": "object, int, str, bytes, float, dict, list, Exception",
}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

# What modules import for type checkers only, autodoc needs too: it could not tell two classes called Sender apart.
for module in [module for name, module in sorted(sys.modules.items()) if name.startswith("syncproton.")]:
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            exec(compile(ast.Module(node.body, []), module.__name__, "exec"), vars(module))

html_theme = "alabaster"
html_theme_options = {
    "description": "AMQP 1.0 for ordinary Python programs",
    "fixed_sidebar": True,
    "page_width": "68em",
}
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
