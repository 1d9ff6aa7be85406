package answer

import "sort"

func order(items []int) []int {
	copied := append([]int{}, items...)
	sort.Ints(copied)
	return copied
}
