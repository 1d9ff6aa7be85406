PORT = int(URL.split(":")[2].split("/")[0])
connections = []
for _ in range(400):
    try:
        connections.append(socket.create_connection(("127.0.0.1", PORT), timeout=5))
        connections[-1].sendall(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")
    except OSError:
        pass
time.sleep(0.5)
