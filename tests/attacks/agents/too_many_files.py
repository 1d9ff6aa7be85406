import itertools
os.makedirs("aaa"); os.makedirs("bills/zzz")
try:
    for number in range(4_000):
        open(f"aaa/{number}", "w").write("x")
        open(f"bills/zzz/{number}.py", "w").write("x = 1\n")
except OSError:
    print("full")
