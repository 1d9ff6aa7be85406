names = [b"..\\..\\forged", b"bills/a\nb.py", b"bills/\xff\xfe.py", b"bills/\xe2\x80\xaegnp.py", b"bills/ .py", b"bills/" + b"x" * 250,
         b"bills/--exec=sh.py", b"bills/$(touch forged).py", b"bills/a b.py", b'bills/q".py', b"left out: x (y)"]
for name in names:
    os.makedirs(os.path.dirname(b"./" + name), exist_ok=True)
    open(name, "w").write("forged\n")
os.makedirs("bills/" + "d/" * 200, exist_ok=True)
open("bills/" + "d/" * 200 + "deep.py", "w").write("x = 1\n")
