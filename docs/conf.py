"""How Sphinx makes the site out of these pages; ``make docs`` runs it.

Sphinx, since the docstrings are written in its language and it reads the pages as they are, by
MyST. Nothing in the site is fetched from elsewhere: formulas become MathML, and the theme has
neither fonts nor scripts of other hosts, so that the folder can be opened without a network.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent / "src")]

import tailbench  # noqa: E402  (that of this checkout)

project = "tailbench"
author = "The tailbench authors"
copyright = author
release = version = tailbench.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "mathml",
    "navigation",
    "outside",
    "from_code",
]
exclude_patterns = ["extensions"]

# The pages are also read where they lie: anchors as GitHub makes them, its fences of formulas.
myst_enable_extensions = ["dollarmath"]
myst_fence_as_directive = ["math"]
myst_heading_anchors = 4
# A diagram is shown as its text, which needs no script.
suppress_warnings = ["misc.highlighting_failure"]

autodoc_member_order = "bysource"
autodoc_typehints = "none"
autodoc_default_options = {"show-inheritance": True}
napoleon_numpy_docstring = False
napoleon_use_rtype = False

html_theme = "furo"
html_title = "tailbench"
html_math_renderer = "mathml"
html_show_copyright = False
html_copy_source = False
html_static_path = ["static"]
html_css_files = ["site.css"]
pygments_style = "friendly"
