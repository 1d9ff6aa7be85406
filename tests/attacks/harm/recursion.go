package answer

func down(n int) int { return down(n+1) + 1 }

func harm() int { return down(0) }
