"""Statistics: tail index, sliced transport, stable and Student laws, quantiles."""
