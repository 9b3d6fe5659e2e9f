"""Labels of metrics, which hold a little mathematics, in pages and on terminals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["label_html"]

GREEK = {r"\bar\chi": "χ̄", r"\chi": "χ", r"\xi": "ξ"}


def label_html(label: str) -> Markup:
    """Turn the little mathematics of a label, as in ``max-sliced $W_1$``, into HTML."""
    from markupsafe import Markup, escape

    parts = re.split(r"\$([^$]+)\$", label)
    for i, part in enumerate(parts):
        text = str(escape(part))
        if i % 2:
            for name, letter in GREEK.items():
                text = text.replace(name, letter)
            text = re.sub(r"\^(?:\{([^}]*)\}|(\w))", r"<sup>\1\2</sup>", text)
            text = re.sub(r"_(?:\{([^}]*)\}|(\w))", r"<sub>\1\2</sub>", text)
            text = f"<i>{text}</i>"
        parts[i] = text
    return Markup("".join(parts))
