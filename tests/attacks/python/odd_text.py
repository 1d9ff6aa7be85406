def order(items):
    return ['\ud800', '\x00', '\uffff']
