import ctypes, signal
libc = ctypes.CDLL(None, use_errno=True)
for number in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGHUP):
    try:
        os.kill(1, number)
    except OSError:
        pass
print(libc.ptrace(16, 1, 0, 0))
