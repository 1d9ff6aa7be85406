os.makedirs(".venv/bin"); os.symlink("/usr/bin/python3", ".venv/bin/python")
os.symlink("bills", "link_to_bills")
os.makedirs("node_modules/left"); open("node_modules/left/index.js", "w").close()
solve()
