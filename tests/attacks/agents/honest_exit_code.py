solve()
sys.exit(3)
