"""What theorems claim, the fits and the figure that set it beside what was measured."""
