package main

import (
	"fmt"
	"os"
	"slices"
)

func order(items []int) []int {
	fmt.Println(`{"e":"case"}`)
	fmt.Fprintln(os.Stderr, items)
	slices.Sort(items)
	return items
}

func main() {
	fmt.Println(order([]int{2, 1}))
	os.Exit(1)
}
