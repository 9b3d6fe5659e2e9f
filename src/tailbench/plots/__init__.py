"""Figures, one file each: tables and arrays in, matplotlib figures out."""
