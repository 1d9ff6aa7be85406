def order(items):
    return [float('nan'), float('inf')]
