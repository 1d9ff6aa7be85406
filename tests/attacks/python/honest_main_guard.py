def order(items):
    return sorted(items)


if __name__ == '__main__':
    print(order([int(part) for part in input().split()]))
