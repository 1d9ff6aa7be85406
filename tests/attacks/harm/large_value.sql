SELECT hex(randomblob(400000000));
