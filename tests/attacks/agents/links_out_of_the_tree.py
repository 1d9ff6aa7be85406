import shutil
os.remove("bills/split.py"); os.symlink("/etc/passwd", "bills/split.py")
os.remove("bills/money.py"); os.symlink("/work/tests/test_split.py", "bills/money.py")
shutil.rmtree("docs"); os.symlink("/", "docs")
os.link("bills/bill.py", "bills/hard.py")
os.symlink("../../../../../../etc/shadow", "bills/up.py")
os.mkfifo("bills/pipe.py"); socket.socket(socket.AF_UNIX).bind("bills/socket.py")
os.symlink("loop", "loop")
