"""The checks of prose: `rules` has the rules that a text must keep, `facts` finds whether a text states a fact.

`segments` and `numerals` take a text apart, `canonical` gives numbers and units one spelling.
"""
