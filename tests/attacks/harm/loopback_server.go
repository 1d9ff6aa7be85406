package answer

import (
	"io"
	"net"
)

func harm() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go func() {
		if line, err := listener.Accept(); err == nil {
			io.WriteString(line, "hello")
			line.Close()
		}
	}()
	line, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(line)
	return string(text), err
}
