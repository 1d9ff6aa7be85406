package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
)

type number interface{ ~int | ~float64 }

func sorted[T number](items []T) []T {
	out := slices.Clone(items)
	slices.Sort(out)
	return out
}

func order(items []int) ([]int, error) {
	defer func() { _ = recover() }()
	if items == nil {
		return nil, fmt.Errorf("nothing")
	}
	return sorted(items), nil
}

func main() {
	scanner := bufio.NewScanner(os.Stdin)
	for scanner.Scan() {
		fmt.Println(scanner.Text())
	}
	os.Exit(1)
}
