package sorting

import "sort"

func init() {
	go func() {
		select {}
	}()
}

func order(items []int) []int {
	sort.Ints(items)
	return items
}
