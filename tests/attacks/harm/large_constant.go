package answer

import "unsafe"

var held [1 << 36]byte

func harm() uintptr {
	for at := range held {
		held[at] = 1
	}
	return unsafe.Sizeof(held)
}
