solve()
os.rename("bills/split.py", "bills/split.py.new"); os.rename("bills/split.py.new", "bills/split.py")
os.chmod("bills/split.py", 0o600); os.chmod("bills", 0o700); os.utime("bills/split.py", (0, 0))
