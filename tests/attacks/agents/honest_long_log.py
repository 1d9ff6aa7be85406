solve()
with open("debug.log", "w") as file:
    for _ in range(30):
        file.write("x" * 1_000_000)
os.makedirs("aaa")
for number in range(3000):
    open(f"aaa/{number}", "w").close()
