ask(URL, MODEL)
solve()
subprocess.run(["python3", "-m", "pytest", "-q"], check=True, capture_output=True)
