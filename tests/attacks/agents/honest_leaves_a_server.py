subprocess.Popen(["python3", "-m", "http.server", "9000"], start_new_session=True)
solve()
