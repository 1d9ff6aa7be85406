solve()
text = open("bills/split.py").read()
open("bills/parts.py", "w").write(text)
open("bills/split.py", "w").write('"""Splits (see parts.py)."""\n\nfrom bills.parts import split\n\n__all__ = ["split"]\n')
