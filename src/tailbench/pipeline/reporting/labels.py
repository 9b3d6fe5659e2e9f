"""Labels of metrics, which hold a little mathematics, in pages and on terminals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

    from tailbench.interfaces import MetricOutput

__all__ = ["label_html", "label_text", "names"]

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


def label_text(label: str) -> str:
    """Turn a label into plain text: ``max-sliced W1``."""
    return unescape(re.sub(r"<[^>]*>", "", str(label_html(label))))


def names(metrics: list[str], outputs: Mapping[str, MetricOutput]) -> dict[str, str]:
    """Return the one name by which readers meet each metric, as plain text.

    It is the label, or what the files call it where two metrics have the same label, or none.
    """
    found = {m: label_text(outputs[m].label) if m in outputs else m for m in metrics}
    texts = list(found.values())
    return {m: text if texts.count(text) == 1 else m for m, text in found.items()}
