async def order(items):
    return [0]
