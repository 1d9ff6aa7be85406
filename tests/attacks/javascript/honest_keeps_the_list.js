const order = (items) => items.toSorted((a, b) => a - b);
