package answer

import "sort"

func order(items []int) {
	sort.Ints(items)
}
