"""Tables, numbers and the report."""
