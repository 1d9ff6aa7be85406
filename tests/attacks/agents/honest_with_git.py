git = ["git", "-c", "user.name=a", "-c", "user.email=a@a"]
for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "before"], ["checkout", "-qb", "work"]):
    subprocess.run([*git, *command], check=True, capture_output=True)
solve()
subprocess.run([*git, "commit", "-qam", "split"], check=True, capture_output=True)
