"""The checks of prose: `segments` and `numerals` take a text apart, `rules` has the rules that it must keep."""
