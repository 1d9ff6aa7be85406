package answer

import "sort"

func order(items []int) []int {
	sort.Slice(items, func(a, b int) bool { return items[a] < items[b] })
	return items
}
